/** Small graphs with reproducible values, and derivatives by central differences in float64. */
import type { Value } from "../../src/compiler/ir/builder.ts"
import { Builder } from "../../src/compiler/ir/builder.ts"
import { evaluate } from "../../src/compiler/ir/evaluate/index.ts"
import type { Graph, Shape } from "../../src/compiler/ir/graph.ts"
import { sizeOf } from "../../src/compiler/ir/graph.ts"
import { differentiate } from "../../src/compiler/passes/differentiate.ts"

export type Values = Readonly<Record<string, Float64Array>>

/** Uniform in −1…1, the same numbers for the same seed. */
export const random = (seed: number) => {
  let state = Math.imul(seed + 1, 0x9e3779b9) >>> 0
  return (): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return (state + 0.5) / 2 ** 31 - 1
  }
}

export type Fill = (noise: number, at: number) => number
/** At least 0.1 from zero, where many slopes jump. */
export const awayFromZero: Fill = (x) => x + Math.sign(x) * 0.1
export const positive: Fill = (x) => Math.abs(x) + 0.2
/** All different, and far enough apart that a small step changes no order. */
export const distinct: Fill = (_, at) => ((at * 37) % 101) / 50 - 1 + at * 1e-3

/** Values for every input and parameter of a graph. */
export const valuesFor = (graph: Graph, seed = 1, fill: Fill = (x) => x): Values => {
  const next = random(seed)
  const sources = graph.nodes.flatMap((node) => (node.op === "input" || node.op === "parameter" ? [node] : []))
  return Object.fromEntries(
    sources.map(({ attrs, shape }) => [
      attrs.name,
      Float64Array.from({ length: sizeOf(shape) }, (_, i) => fill(next(), i)),
    ]),
  )
}

/** Largest difference, relative to the largest expected value. */
export const relativeError = (got: ArrayLike<number>, expected: ArrayLike<number>): number => {
  if (got.length !== expected.length) return Number.POSITIVE_INFINITY
  let difference = 0
  let largest = 1e-3
  for (let i = 0; i < expected.length; i += 1) {
    // Not a number is never close.
    const d = Math.abs(got[i]! - expected[i]!)
    difference = Number.isNaN(d) ? Number.POSITIVE_INFINITY : Math.max(difference, d)
    largest = Math.max(largest, Math.abs(expected[i]!))
  }
  return difference / largest
}

/** d f / d values[name], element by element. */
export const byDifferences = (f: (values: Values) => number, values: Values, name: string, h = 1e-5): Float64Array =>
  Float64Array.from(values[name]!, (x, i) => {
    const at = (y: number) => f({ ...values, [name]: values[name]!.with(i, y) })
    return (at(x + h) - at(x - h)) / (2 * h)
  })

export interface Case {
  readonly name: string
  readonly shapes: readonly Shape[]
  readonly build: (b: Builder, xs: readonly Value[]) => Value
  readonly fill?: Fill
}

/** Relative error of each operand's gradient of Σ wᵢ yᵢ, with random w. */
export const gradientErrors = ({ shapes, build, fill }: Case): Readonly<Record<string, number>> => {
  const b = new Builder()
  const names = shapes.map((_, i) => `x${i}`)
  const y = build(
    b,
    shapes.map((shape, i) => b.input(names[i]!, shape)),
  )
  const shape = b.shapeOf(y)
  const weighted = b.mul(y, b.input("w", shape))
  const loss = b.reduceSum(weighted, { axes: shape.map((_, i) => i), keepDims: false })
  const { gradients } = differentiate(b, loss, names)
  const outputs = Object.fromEntries([...gradients].map(([name, value]) => [name, value]))
  const values = valuesFor(b.build({ loss }), 7, fill)
  const exact = evaluate(b.build(outputs), values)
  const forward = b.build({ loss })
  const lossAt = (at: Values): number => evaluate(forward, at)["loss"]!.data[0]!
  return Object.fromEntries(
    names.map((name) => [name, relativeError(exact[name]?.data ?? [], byDifferences(lossAt, values, name))]),
  )
}
