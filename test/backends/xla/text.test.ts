/** The program's text, made to be read: names of what it takes, and where in the spec each operation comes from. */
import { expect, test } from "vitest"
import { emit } from "../../../src/backends/xla/stablehlo/index.ts"
import { learningNames } from "../../../src/compiler/analysis/parameters.ts"
import { standardSizes } from "../../../src/compiler/passes/elaborate/index.ts"
import { inferenceProgram, trainingProgram } from "../../../src/compiler/passes/program.ts"
import { paperDefaults } from "../../../src/dsl/index.ts"
import { smallSam } from "../tfjs/sam.ts"

const sizes = standardSizes(smallSam)
const { text } = emit(trainingProgram(smallSam, sizes, { ...paperDefaults, learning: learningNames(smallSam) }).program)
const lines = text.split("\n")

test("arguments have their names, and state takes the place of what it replaces", () => {
  expect(text).toMatch(/%arg\d+: tensor<1x3x32x32xf32> loc\("image"\)/)
  expect(text).toMatch(
    /%arg\d+: tensor<3x16xf32> \{tf\.aliasing_output = \d+ : i32\} loc\("image_encoder\.blocks\.0\.after_attention\.0\.weight"\)/,
  )
})
test("operations say which module of the spec they belong to", () => {
  const places = new Map(
    lines.flatMap((line) => [...line.matchAll(/^(#p\d+) = loc\("(.*)"\)$/g)].map(([, a, path]) => [a!, path!])),
  )
  const paths = [...places.values()]
  expect(paths).toContain("image_encoder.blocks.1.mlp.lin1")
  const operations = lines.filter((line) => /^ {4}%/.test(line) && !line.includes("stablehlo.constant"))
  const placed = operations.filter((line) => / loc\(#p\d+\)$/.test(line))
  expect(placed.length / operations.length).toBeGreaterThan(0.5)
  const products = operations.filter(
    (line) =>
      line.includes("dot_general") &&
      line.endsWith(` loc(${[...places].find(([, path]) => path === "image_encoder.blocks.1.mlp.lin1")![0]})`),
  )
  // Forward, and backward to what comes before: the layer itself is frozen.
  expect(products.length).toBeGreaterThanOrEqual(1)
})
test("a value a line, and equal ones once", () => {
  const names = lines.flatMap((line) => /^ {4}(%\d+)(?::\d+)? = /.exec(line)?.[1] ?? [])
  expect(new Set(names).size).toBe(names.length)
  const computed = lines
    .filter((line) => /^ {4}%\d+ = stablehlo\.constant/.test(line))
    .map((line) => line.replace(/^.*?= /, "").replace(/ loc.*/, ""))
  expect(new Set(computed).size).toBe(computed.length)
})
test("tf32 is rounding where the device has no such products, and the device's own where it has", () => {
  const program = inferenceProgram(smallSam, sizes)
  const ours = emit(program, { precision: "tf32", emulated: true }).text
  expect(ours).toContain("stablehlo.reduce_precision")
  expect(ours).toContain("precision = [HIGHEST, HIGHEST]")
  const theirs = emit(program, { precision: "tf32" }).text
  expect(theirs).not.toContain("reduce_precision")
})
