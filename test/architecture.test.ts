/** Imports point one way: dsl ← compiler ← backends ← runtime ← pages, cli. */
import { readdirSync, readFileSync } from "node:fs"
import { join, relative, resolve } from "node:path"
import { expect, test } from "vitest"
import { packageRoot } from "../src/compiler/frontend/package.ts"

const src = join(packageRoot, "src")
const layers = ["dsl", "compiler", "backends", "runtime", "pages", "cli"]
const files = readdirSync(src, { recursive: true, encoding: "utf8" })
  .filter((name) => name.endsWith(".ts"))
  .map((name) => join(src, name))

const importsOf = (file: string): readonly string[] =>
  [
    ...readFileSync(file, "utf8").matchAll(
      /(?:^|\n)\s*(?:import|export)\b[^"'`;]*?from\s*"([^"]+)"|\bimport\("([^"]+)"\)|(?:^|\n)import "([^"]+)"/g,
    ),
  ].map(([, from, dynamic, bare]) => (from ?? dynamic ?? bare)!)
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

test("only commands print, and only they set an exit code", () => {
  const wrong = files.filter(
    (file) =>
      placeOf(file)[0] !== "cli" &&
      // The console of a spec, which it turns to stderr.
      relative(src, file) !== join("compiler", "frontend", "worker.ts") &&
      /\bconsole\.|process\.(exit\(|exitCode\s*=|stdout|stderr)/.test(
        readFileSync(file, "utf8").replaceAll(/\/\*[\s\S]*?\*\/|\/\/.*|`[^`]*`|"[^"\n]*"/g, ""),
      ),
  )
  expect(wrong.map((file) => relative(src, file))).toEqual([])
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
