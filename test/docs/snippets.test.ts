/** Code in the documents that imports hasam: every name that it takes is exported, it type-checks, and that of docs/runtime.md runs, in its order. */
import { spawnSync } from "node:child_process"
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs"
import { createRequire } from "node:module"
import { tmpdir } from "node:os"
import { dirname, join, relative } from "node:path"
import { beforeAll, expect, test } from "vitest"
import { packageRoot } from "../../src/compiler/frontend/package.ts"

const documents = [
  ...readdirSync(join(packageRoot, "docs"), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".md") && !name.startsWith(".") && !name.startsWith("api"))
    .map((name) => join(packageRoot, "docs", name)),
  join(packageRoot, "README.md"),
]
const snippets = documents.flatMap((file) =>
  [...readFileSync(file, "utf8").matchAll(/```ts\n([\s\S]*?)```/g)].map(([, code], i) => ({
    name: `${relative(packageRoot, file)} ${i + 1}`,
    code: code!,
  })),
)
/** A whole one says where everything comes from. */
const whole = snippets.filter(({ code }) => /from "hasam(\/\w+)?"/.test(code))
const folder = mkdtempSync(join(tmpdir(), "hasam-snippets-"))
/** Pages of errors show what is wrong; a page of a browser has an engine and elements of its own (test/pages opens one). */
const right = whole.filter(
  ({ name, code }) => !name.startsWith(join("docs", "errors")) && !code.includes('"hasam/browser"'),
)
const fileOf = (name: string) => `${name.replaceAll(/\W+/g, "-")}.ts`

beforeAll(() => {
  mkdirSync(join(folder, "node_modules"))
  symlinkSync(packageRoot, join(folder, "node_modules/hasam"))
  for (const name of ["@types"])
    symlinkSync(join(packageRoot, "node_modules", name), join(folder, "node_modules", name))
  writeFileSync(join(folder, "package.json"), '{ "type": "module" }')
  writeFileSync(
    join(folder, "spec.ts"),
    `import { adam, freezeAll, pipe, sam, training, unfreeze } from "hasam"
export const tiny = pipe(sam({ imageSize: 32, patchSize: 8, width: 16, depth: 1, heads: 2, globalBlocks: [0], outChannels: 16, maskChannels: 4,
  decoder: { depth: 1, heads: 2, mlpWidth: 16, iouWidth: 8, iouDepth: 2, maskTokens: 2 } }), freezeAll, unfreeze("maskDecoder"))
export const how = training(tiny, { optimizer: adam({ rate: 1e-2 }), epochs: 3, batch: 2 })
`,
  )
  for (const { name, code } of whole) writeFileSync(join(folder, fileOf(name)), code)
})

test("there are whole snippets to look at", () => {
  expect(whole.length).toBeGreaterThan(5)
})

test("whole snippets type-check as a user's files", () => {
  const tsc = join(dirname(createRequire(import.meta.url).resolve("typescript/package.json")), "bin/tsc")
  const options = ["--noEmit", "--strict", "--target", "es2022", "--module", "nodenext", "--types", "node"]
  const { stdout } = spawnSync(process.execPath, [tsc, ...options, ...right.map(({ name }) => fileOf(name))], {
    cwd: folder,
    encoding: "utf8",
  })
  expect(stdout).toBe("")
})

test("what documents say that a module exports, it exports", async () => {
  const exported = async (name: string) =>
    new Set(Object.keys(await import(/* @vite-ignore */ join(packageRoot, "dist", name, "index.js"))))
  const folders: Readonly<Record<string, string>> = {
    hasam: "dsl",
    "hasam/compiler": "compiler",
    "hasam/runtime": "runtime",
  }
  const lacking: string[] = []
  for (const { name, code } of snippets)
    for (const [, names, from] of code.matchAll(/import \{([^}]*)\} from "(hasam(?:\/\w+)?)"/g)) {
      const known = folders[from!]
      if (known === undefined) continue
      const has = await exported(known)
      for (const one of names!.split(",").map((text) => text.trim()))
        if (one !== "" && !one.startsWith("type ") && !has.has(one.split(" ")[0]!))
          lacking.push(`${name}: ${from} ${one}`)
    }
  expect(lacking).toEqual([])
})

test("the code of docs/runtime.md runs as it stands, one piece after another", () => {
  const { transformSync } = createRequire(import.meta.url)("esbuild") as typeof import("esbuild")
  const pieces = whole.filter(({ name }) => name.startsWith(join("docs", "runtime.md")))
  expect(pieces).toHaveLength(5)
  // One process: an engine starts once.
  const code = pieces.map(({ code }) => code)
  code.forEach((text, i) => {
    writeFileSync(join(folder, `piece-${i}.js`), transformSync(text, { loader: "ts", format: "esm" }).code)
  })
  writeFileSync(join(folder, "all.js"), code.map((_, i) => `await import("./piece-${i}.js")`).join("\n"))
  const { status, stdout, stderr } = spawnSync(process.execPath, ["all.js"], { cwd: folder, encoding: "utf8" })
  expect(status, stderr).toBe(0)
  expect(stdout).toMatch(/epoch 2: loss \d\.\d{3}\n/)
  expect(stdout).toMatch(/object 1: \d+ pixels/)
  expect(existsSync(join(folder, "object-1.png"))).toBe(true)
  expect(stdout).toMatch(/Dice [\d.]+ %, HD95 [\d.]+ mm, 4 cases/)
  expect(stdout).toMatch(/tiny: [\d]+ of \d+ parameters learn/)
  expect(stdout).toContain("HS1001 there is no file or folder")
})
