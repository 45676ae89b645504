/** Imports point one way: dsl ← compiler ← backends ← runtime ← pages, cli. */
import { readdirSync, readFileSync } from "node:fs"
import { join, relative, resolve } from "node:path"
import { Node, Project, type SourceFile, SyntaxKind } from "ts-morph"
import { expect, test } from "vitest"
import { packageRoot } from "../src/compiler/frontend/package.ts"

const src = join(packageRoot, "src")
const layers = ["dsl", "compiler", "backends", "runtime", "pages", "cli"]
const files = readdirSync(src, { recursive: true, encoding: "utf8" })
  .filter((name) => name.endsWith(".ts"))
  .map((name) => join(src, name))

/** The sources as TypeScript reads them: an import in a comment or a text is none. */
const project = new Project({ skipAddingFilesFromTsConfig: true, skipFileDependencyResolution: true })
const trees = new Map(files.map((file) => [file, project.addSourceFileAtPath(file)]))
const textOf = (node: Node | undefined): readonly string[] =>
  Node.isStringLiteral(node) ? [node.getLiteralText()] : []

/** What a source imports: by import and export … from, by import(…), and in types by import("…"). */
const imported = (tree: SourceFile): readonly string[] => [
  ...[...tree.getImportDeclarations(), ...tree.getExportDeclarations()].flatMap((one) =>
    textOf(one.getModuleSpecifier()),
  ),
  ...tree
    .getDescendantsOfKind(SyntaxKind.CallExpression)
    .filter((call) => call.getExpression().getKind() === SyntaxKind.ImportKeyword)
    .flatMap((call) => textOf(call.getArguments()[0])),
  ...tree.getDescendantsOfKind(SyntaxKind.ImportType).flatMap((type) => {
    const argument = type.getArgument()
    return Node.isLiteralTypeNode(argument) ? textOf(argument.getLiteral()) : []
  }),
]
const known = new Map([...trees].map(([file, tree]) => [file, imported(tree)]))
const importsOf = (file: string): readonly string[] => known.get(file)!
const placeOf = (file: string): readonly string[] => relative(src, file).split(/[/\\]/)
const inside = (file: string, specifier: string): readonly string[] | undefined =>
  specifier.startsWith(".") ? placeOf(resolve(file, "..", specifier)) : undefined

test("there is something to look at", () => {
  expect(files.length).toBeGreaterThan(150)
  expect(files.flatMap(importsOf).length).toBeGreaterThan(500)
})

test("each layer imports itself and those before it", () => {
  const wrong = files.flatMap((file) =>
    importsOf(file).flatMap((specifier) => {
      const to = inside(file, specifier)?.[0]
      if (to === undefined) return []
      const allowed = layers.indexOf(to) <= layers.indexOf(placeOf(file)[0]!)
      return allowed ? [] : [`${relative(src, file)} → ${specifier}`]
    }),
  )
  expect(wrong).toEqual([])
})

test("backends know nothing of one another", () => {
  const wrong = files.flatMap((file) => {
    const [layer, backend, rest] = placeOf(file)
    if (layer !== "backends" || rest === undefined) return []
    return importsOf(file).filter((specifier) => {
      const to = inside(file, specifier)
      return to?.[0] === "backends" && to[2] !== undefined && to[1] !== backend
    })
  })
  expect(wrong).toEqual([])
})

test("the language needs no Node and no engine: only fp-ts", () => {
  const outside = files
    .filter((file) => placeOf(file)[0] === "dsl")
    .flatMap(importsOf)
    .filter((specifier) => !specifier.startsWith("."))
  expect([...new Set(outside)]).toEqual(["fp-ts/lib/function.js"])
})

/** Everything that is loaded with a source, before anything is called. */
const loadedWith = (file: string, found = new Set<string>()): ReadonlySet<string> => {
  for (const one of trees.get(file)?.getImportDeclarations() ?? []) {
    if (one.isTypeOnly()) continue
    const specifier = one.getModuleSpecifierValue()
    const path = specifier.startsWith(".") ? resolve(file, "..", specifier) : specifier
    if (found.has(path)) continue
    found.add(path)
    loadedWith(path, found)
  }
  return found
}

test("who loads a model to run it on tensors needs no reader of images", () => {
  const loaded = loadedWith(join(src, "runtime/api/load.ts"))
  expect(loaded.size).toBeGreaterThan(30)
  for (const name of ["runtime/loaded.ts", "runtime/select.ts", "runtime/run/inputs.ts", "runtime/weights/load.ts"])
    expect(loadedWith(join(src, name)).has("sharp"), name).toBe(false)
  expect(loaded.has("sharp")).toBe(false)
})

test("engines, syntax trees and processes are each in one place", () => {
  const users = (name: RegExp) =>
    [
      ...new Set(
        files
          .filter((file) => importsOf(file).some((specifier) => name.test(specifier)))
          .map((file) => placeOf(file).slice(0, 2).join("/")),
      ),
    ].sort()
  expect(users(/^@tensorflow\//)).toEqual(["backends/tfjs"])
  expect(users(/^acorn$/)).toEqual(["compiler/frontend"])
  expect([...new Set(users(/^commander$/).map((place) => place.split("/")[0]))]).toEqual(["cli"])
})

/** console.…, process.exit(…), process.stdout, process.stderr, and process.exitCode = …: as code, not as a word. */
const prints = (tree: SourceFile): boolean =>
  // Most files have neither word: their trees need not be walked.
  /\bconsole\.|\bprocess\./.test(tree.getFullText()) &&
  tree.getDescendantsOfKind(SyntaxKind.PropertyAccessExpression).some((access) => {
    const [object, name] = [access.getExpression().getText(), access.getName()]
    if (object === "console") return true
    if (object !== "process") return false
    const parent = access.getParent()
    const written = Node.isBinaryExpression(parent) && parent.getLeft() === access
    const called = Node.isCallExpression(parent) && parent.getExpression() === access
    return name === "stdout" || name === "stderr" || (name === "exit" && called) || (name === "exitCode" && written)
  })

test("only commands print, and only they set an exit code", () => {
  const wrong = files.filter(
    (file) =>
      placeOf(file)[0] !== "cli" &&
      // The console of a spec, which it turns to stderr.
      relative(src, file) !== join("compiler", "frontend", "worker.ts") &&
      prints(trees.get(file)!),
  )
  expect(wrong.map((file) => relative(src, file))).toEqual([])
  expect(files.filter((file) => placeOf(file)[0] === "cli" && prints(trees.get(file)!)).length).toBeGreaterThan(1)
})

test("no model is special: the words of one stand in its own files and in its checkpoints' family", () => {
  const special = files.filter((file) => {
    const [layer, ...rest] = placeOf(file)
    if (!["compiler", "runtime", "backends", "pages"].includes(layer!)) return false
    // A family's folder and its registration are where a checkpoint's names are known.
    if (rest.join("/").startsWith("weights/families/")) return false
    return /\bsam\b|image_encoder|point_coords/i.test(readFileSync(file, "utf8"))
  })
  expect(special.map((file) => relative(src, file))).toEqual([])
})
