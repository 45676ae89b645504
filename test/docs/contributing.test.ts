/** CONTRIBUTING's table of what to touch is true: what it names is there, and one of each kind is found in those files and in no others. */
import { existsSync, readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, test } from "vitest"
import { packageRoot } from "../../src/compiler/frontend/package.ts"

const text = readFileSync(join(packageRoot, "CONTRIBUTING.md"), "utf8")
const rows = new Map(
  [...text.matchAll(/^\| ([^|]+?) \| (.+?) \| (.*?) \|$/gm)]
    .filter(([, kind]) => kind !== "---")
    .map(([, kind, files, seen]) => [kind!, { files: files!, seen: seen! }]),
)
/** What looks like a path: a file, or a folder of several. */
const pathsIn = (cell: string): readonly string[] =>
  [...cell.matchAll(/`([\w./-]+\/[\w./-]+|backends)`/g)].map(([, path]) => path!)
const placed = (path: string): string => (/^(test|docs)\//.test(path) ? path : join("src", path))
const files = readdirSync(join(packageRoot, "src"), { recursive: true, encoding: "utf8" }).filter((name) =>
  /\.(ts|py)$/.test(name),
)

test("has a row for each that people add", () => {
  const kinds = [
    "a function of `forward`",
    "a layer",
    "a placement",
    "something that a model takes",
    "something that a model is taught",
    "a loss",
    "an optimizer",
    "a prompt's source",
    "a data layout",
    "a target",
    "a family of checkpoints",
    "an error",
    "an op",
  ]
  expect([...rows.keys()]).toEqual(kinds)
})

test.each([...rows])("%s: the files are there", (_, { files, seen }) => {
  expect(pathsIn(files).length).toBeGreaterThan(0)
  for (const path of [...pathsIn(files), ...pathsIn(seen)])
    expect(existsSync(join(packageRoot, placed(path))), path).toBe(true)
})

/** One that stands today, by its names, and files that name it for another reason: they build with it, or a message gives it as an example. */
const witnesses: readonly (readonly [kind: string, name: RegExp, others: readonly string[]])[] = [
  ["a layer", /\b(groupNorm|GroupNorm)\b/, ["backends/pytorch/python/initial.py"]],
  ["a placement", /\bbesideMlpResidual\b/, ["dsl/presets.ts"]],
  ["a loss", /\b(crossEntropy|cross_entropy)\b/, ["compiler/codes/spec.ts"]],
  ["an optimizer", /\b(adamW|AdamW)\b/, []],
  ["a prompt's source", /\brandomInside(Of)?\b/, []],
  ["a data layout", /\bbusbra\b/, []],
  ["a target", /"xla"/, []],
  [
    "a function of `forward`",
    /\b(roll|forward\.roll)\b/,
    ["compiler/ops/indexing.ts", "compiler/passes/unpad.ts", "dsl/layers/swin.ts"],
  ],
]
describe("one of each kind is where the table says, and nowhere else", () => {
  test.each(witnesses)("%s: %s", (kind, name, others) => {
    const named = pathsIn(rows.get(kind)!.files)
    const found = files.filter((file) => name.test(readFileSync(join(packageRoot, "src", file), "utf8")))
    const untold = found.filter(
      (file) => !others.includes(file) && !named.some((path) => file === path || file.startsWith(`${path}/`)),
    )
    expect(untold).toEqual([])
    expect(found.length).toBeGreaterThan(1)
  })
})
