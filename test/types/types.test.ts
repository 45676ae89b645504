/** The editor's side: tsc over files, and what it costs. */
import { spawnSync } from "node:child_process"
import { mkdtempSync, readFileSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { describe, expect, test } from "vitest"
import { packageRoot } from "../../src/compiler/frontend/package.ts"
import * as sentence from "../../src/dsl/sentences.ts"

const tsc = join(packageRoot, "node_modules/typescript/bin/tsc")
const folder = mkdtempSync(join(tmpdir(), "hasam-"))
const check = (files: readonly string[], ...more: readonly string[]) => {
  const project = join(folder, `tsconfig.${files.length}.${more.length}.json`)
  const compilerOptions = {
    strict: true,
    target: "es2022",
    lib: ["es2023"],
    module: "preserve",
    moduleResolution: "bundler",
    types: [],
    noEmit: true,
    skipLibCheck: true,
    allowImportingTsExtensions: true,
    paths: { hasam: [join(packageRoot, "dist/dsl/index.d.ts")] },
  }
  writeFileSync(project, JSON.stringify({ compilerOptions, files }))
  return spawnSync(process.execPath, [tsc, "-p", project, "--pretty", "false", ...more], { encoding: "utf8" }).stdout
}

test("what is right is right, and what is wrong is an error", () => {
  expect(check([join(packageRoot, "test/types/types.test-d.ts")])).toBe("")
})

test("what the editor underlines, the compiler tells at the same line and column", () => {
  const spec = join(packageRoot, "test/invalid/ten-mistakes.ts")
  const compiled = readFileSync(spec.replace(/ts$/, "out"), "utf8")
  const places = [...check([spec]).matchAll(/\((\d+,\d+)\): error/g)].map(([, place]) => place!)
  expect(places.length).toBeGreaterThan(4)
  const told = [...compiled.matchAll(/\((\d+,\d+)\): error/g)].map(([, place]) => place!)
  expect(places.filter((place) => !told.includes(place))).toEqual([])
})

describe("the editor says the compiler's sentence", () => {
  const head = `import { adapt, afterAttention, asRatio, at, define, expectTrainable, features, forward, freeze, freezeAll, linear, model, pipe, pixels, points, type Rank, relu, residual, samVitB, samVitH, sequential, unfreeze, uniform, without } from "hasam"
const adapter = (rank: Rank) => residual(sequential(linear(768, rank), relu, linear(rank, 768)))
const wide = (rank: Rank) => residual(sequential(linear(1024, rank), relu, linear(rank, 1024)))
`
  test.each([
    ["sequential(linear(768, 31), relu, linear(32, 768))", sentence.doesNotFollow(32, 31)],
    ["residual(linear(768, 64))", sentence.notResidual(768, 64)],
    ["afterAttention(linear(768, 64))", sentence.notAnAdapter(768, 64)],
    [
      "pipe(samVitH, freezeAll, adapt(uniform(12, 8), (rank) => [afterAttention(adapter(rank))]))",
      sentence.wrongDepth(12, 32),
    ],
    [
      "pipe(samVitB, freezeAll, adapt(uniform(12, 8), (rank) => [afterAttention(wide(rank))]))",
      sentence.wrongWidth(1024, 768),
    ],
    ['pipe(samVitB, freeze("maskDecoder", "imageEncodr"))', sentence.noPart("freeze", "imageEncodr")],
    ['pipe(samVitB, freezeAll, unfreeze("maskDecodr"))', sentence.noPart("unfreeze", "maskDecodr")],
    ['pipe(samVitB, freezeAll, freeze("maskDecoder"))', sentence.notLearning("maskDecoder")],
    ["without(13)(uniform(12, 8))", sentence.noSuchBlock(13, 12)],
    ["pipe(samVitB, freezeAll, expectTrainable(1))", sentence.nothingLearns],
    [
      'define("Bad", { a: linear(768, 64), b: linear(32, 768) }, features(768), (m, x) => m.b(m.a(x)))',
      sentence.takesOther(32, 64),
    ],
    [
      'define("Bad", { a: linear(768, 64) }, features(768), (m, x) => forward.add(x, m.a(x)))',
      sentence.otherWidth(768, 64),
    ],
    [
      'pipe(samVitB, freezeAll, adapt(uniform(12, 8), (rank) => [at("mlpp").after(adapter(rank))]))',
      sentence.noPlace("mlpp"),
    ],
    [
      'model(define("N", {}, { image: features(3) }, (_, { image }) => image), { name: "N", takes: { image: pixels({ size: 8 }), ...points() } })',
      sentence.noInput("point_coords"),
    ],
    ["linear(768, 0.5)", sentence.notWhole(0.5)],
    ["linear(768, asRatio(0.25))", "a ratio is not a number of features: multiply it by a width in a schedule"],
  ])("%s", (code, expected) => {
    const file = join(folder, "snippet.ts")
    writeFileSync(file, `${head}export const wrong = ${code}\n`)
    const text = check([file])
    expect(text).toContain("snippet.ts(4,")
    expect(text).toContain(expected)
  })
})

test("examples/ha-sam costs the type checker at most 5,000 instantiations", () => {
  const text = check([join(packageRoot, "examples/ha-sam/index.ts")], "--extendedDiagnostics")
  const [, count] = /Instantiations:\s+(\d+)/.exec(text) ?? []
  expect(Number(count)).toBeGreaterThan(100)
  expect(Number(count)).toBeLessThanOrEqual(5000)
})
