/** Code in the documents: every name that it takes from hasam is exported, it type-checks, fragments too, and that of docs/runtime.md runs, in its order. */
import { spawnSync } from "node:child_process"
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from "node:fs"
import { createRequire } from "node:module"
import { tmpdir } from "node:os"
import { dirname, join, relative } from "node:path"
import { Project } from "ts-morph"
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
const whole = snippets.filter(({ code }) => /from "hasam[^"]*"/.test(code))
const folder = mkdtempSync(join(tmpdir(), "hasam-snippets-"))
/** Pages of errors show what is wrong. */
const isWrong = (name: string): boolean => name.startsWith(join("docs", "errors"))
/** What fragments speak of, and their page says elsewhere. */
const preludes: Readonly<Record<string, string>> = {
  [join("docs", "language.md")]: `const unet = sequential(conv2d(1, 8, 3, { padding: 1 }), relu, conv2d(8, 3, 1))
const millions = pipe(samVitB, freezeAll, unfreeze("maskDecoder"))`,
  [join("docs", "study.md")]: `import { pointing as localizerTraining } from "./localizer.js"
const model = pipe(samVitB, freezeAll, unfreeze("maskDecoder"))
const flatTraining = training(model, { batch: 2 })
const hierarchicalTraining = training(model, { batch: 1 })`,
  [join("docs", "training.md")]: "const model = samVitB",
  [join("docs", "pages.md")]: "declare const file: File\ndeclare const files: readonly DataFile[]",
}
const pageOf = (name: string): string => name.replace(/ \d+$/, "")
/** What is not said where a name comes from: from hasam. A fragment is closed by what its page says, and by nothing else. */
const closed = ({ name, code }: (typeof snippets)[number]): string => {
  const text = `${preludes[pageOf(name)] ?? ""}\n${code}`
  const bare = text.replaceAll(/\/\*[\s\S]*?\*\/|\/\/.*|"[^"\n]*"|\.{3}/g, " ")
  const said = new Set([...bare.matchAll(/(?:const|import \{[^}]*?) +(\w+)/g)].map(([, word]) => word!))
  const words = new Set([...bare.matchAll(/(?<![.\w])[A-Za-z]\w*(?!\s*:(?!:))/g)].map(([word]) => word!))
  const from = code.includes('"hasam/browser"') ? browserNames : languageNames
  const taken = [...words].filter((word) => from.has(word) && !said.has(word) && !importedIn(code).has(word))
  return `import { ${taken.join(", ")} } from "${from === browserNames ? "hasam/browser" : "hasam"}"\n${text}\nexport {}\n`
}
const importedIn = (code: string): ReadonlySet<string> =>
  new Set(importsOf(code).flatMap(({ names }) => names.map((name) => name.replace(/^type /, ""))))
const importsOf = (code: string) =>
  [...code.matchAll(/import (?:type )?\{([^}]*)\} from "(hasam[^"]*)"/g)].map(([, names, from]) => ({
    from: from!,
    names: names!
      .split(",")
      .map((text) => text.trim().split(" as ")[0]!)
      .filter((one) => one !== ""),
  }))
/** Values and types that a module of the package exports, by its declarations. */
const project = new Project({
  skipFileDependencyResolution: false,
  compilerOptions: { moduleResolution: 99, module: 199 },
})
const exportsOf = (declarations: string): ReadonlySet<string> =>
  new Set(
    project
      .addSourceFileAtPath(join(packageRoot, "dist", declarations))
      .getExportedDeclarations()
      .keys(),
  )
const folders: Readonly<Record<string, string>> = {
  hasam: "dsl",
  "hasam/compiler": "compiler",
  "hasam/runtime": "runtime",
  "hasam/browser": "runtime/browser",
}
const exported = Object.fromEntries(
  Object.entries(folders).map(([name, folder]) => [name, exportsOf(join(folder, "index.d.ts"))]),
)
const languageNames = exported["hasam"]!
const browserNames = exported["hasam/browser"]!
const right = snippets.filter(({ name }) => !isWrong(name))
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
  copyFileSync(join(packageRoot, "examples/localizer/index.ts"), join(folder, "localizer.ts"))
  for (const snippet of right) writeFileSync(join(folder, fileOf(snippet.name)), closed(snippet))
})

test("there are snippets to look at, whole ones and fragments", () => {
  expect(whole.length).toBeGreaterThan(30)
  expect(right.filter((one) => !whole.includes(one)).length).toBeGreaterThan(5)
})

const isBrowsers = ({ code }: { readonly code: string }): boolean => code.includes('"hasam/browser"')

test.each([
  { where: "Node", of: right.filter((one) => !isBrowsers(one)), more: [] },
  // TensorFlow.js brings declarations of browsers that TypeScript's own contradict.
  { where: "browsers", of: right.filter(isBrowsers), more: ["--lib", "es2023,dom", "--skipLibCheck"] },
])("snippets for $where type-check as a user's files, fragments with what their page says", ({ of, more }) => {
  expect(of.length).toBeGreaterThan(1)
  const tsc = join(dirname(createRequire(import.meta.url).resolve("typescript/package.json")), "bin/tsc")
  const options = ["--noEmit", "--strict", "--target", "es2022", "--module", "nodenext", "--types", "node"]
  const args = [tsc, ...options, ...more, ...of.map(({ name }) => fileOf(name))]
  expect(spawnSync(process.execPath, args, { cwd: folder, encoding: "utf8" }).stdout).toBe("")
})

test("what documents say that a module exports, it exports", () => {
  for (const names of Object.values(exported)) expect(names.size).toBeGreaterThan(5)
  const lacking = snippets.flatMap(({ name, code }) =>
    importsOf(code).flatMap(({ names, from }) =>
      names
        .filter((one) => exported[from]?.has(one.replace(/^type /, "")) !== true)
        .map((one) => `${name}: ${from} ${one}`),
    ),
  )
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
