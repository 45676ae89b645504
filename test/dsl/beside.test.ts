/** Keys, values and tokens beside SAM's grid: against attention over all of them, written out. */
import { describe, expect, test } from "vitest"
import { modelProblems } from "../../src/compiler/analysis/checks.ts"
import { tensorTable } from "../../src/compiler/analysis/parameters.ts"
import { evaluate } from "../../src/compiler/ir/evaluate/index.ts"
import { standardSizes } from "../../src/compiler/passes/elaborate/index.ts"
import { inferenceProgram } from "../../src/compiler/passes/program.ts"
import {
  adapt,
  define,
  features,
  forward,
  freezeAll,
  given,
  keysAndValues,
  layerNorm,
  linear as line,
  type Model,
  model,
  pipe,
  promptTokens,
  repeat,
  samBlock,
  schedule,
  sequential,
  uniform,
} from "../../src/dsl/index.ts"
import { relativeError, type Values, valuesFor } from "../ir/support.ts"

const [width, heads, side, n] = [8, 2, 5, 3]
/** Two blocks on 5 × 5 tokens: one of windows that do not divide them, one global. */
const blocks = (window: number) =>
  model(sequential(sequential(samBlock(width, heads, 2 * width, side, window))), {
    name: "a block",
    takes: { x: given([side, side, width]) },
    blocks: "0",
  })
const withPrefix = (of: Model<any, any>) =>
  pipe(of, freezeAll, adapt(uniform(1, n), (count) => [keysAndValues(count)]) as never) as Model<any, any>
const withTokens = (of: Model<any, any>) =>
  pipe(of, freezeAll, adapt(uniform(1, n), (count) => [promptTokens(count)]) as never) as Model<any, any>

const graphOf = ({ data }: Model<any, any>) => inferenceProgram(data, standardSizes(data)).graph
const outputOf = (of: Model<any, any>, values: Values): Float64Array =>
  Object.values(evaluate(graphOf(of), values))[0]!.data

const at = (values: Values, name: string): Float64Array => values[`0.0.${name}`]!
const linear = (x: Float64Array, w: Float64Array, bias: Float64Array): Float64Array =>
  Float64Array.from(bias, (b, o) => x.reduce((sum, value, i) => sum + value * w[o * x.length + i]!, b))
const norm = (x: Float64Array, weight: Float64Array, bias: Float64Array): Float64Array => {
  const mean = x.reduce((a, b) => a + b, 0) / x.length
  const variance = x.reduce((sum, y) => sum + (y - mean) ** 2, 0) / x.length
  return x.map((y, i) => ((y - mean) / Math.sqrt(variance + 1e-6)) * weight[i]! + bias[i]!)
}
const row = (x: Float64Array, i: number, size = width) => x.slice(i * size, (i + 1) * size)

describe("keys and values beside a grid", () => {
  test("a global block's attention, written out", () => {
    const of = withPrefix(blocks(0))
    const values = valuesFor(graphOf(of), 3)
    const [w, b] = [at(values, "attn.qkv.weight"), at(values, "attn.qkv.bias")]
    const [th, tw] = [at(values, "attn.rel_pos_h"), at(values, "attn.rel_pos_w")]
    const x = values["x"]!
    const qkv = Array.from({ length: side * side }, (_, t) =>
      linear(norm(row(x, t), at(values, "norm1.weight"), at(values, "norm1.bias")), w, b),
    )
    const d = width / heads
    const attended = qkv.map((mine, t) => {
      const out = new Float64Array(width)
      for (let head = 0; head < heads; head += 1) {
        const q = mine.slice(head * d, (head + 1) * d)
        const dot = (k: Float64Array) => k.reduce((sum, y, i) => sum + y * q[i]!, 0)
        const part = (v: Float64Array, which: number) =>
          v.slice(which * width + head * d, which * width + (head + 1) * d)
        const keys = [
          ...Array.from({ length: n }, (_, i) => ({
            score: dot(part(row(at(values, "attn.prefix_k"), i), 0)) / Math.sqrt(d),
            value: part(row(at(values, "attn.prefix_v"), i), 0),
          })),
          ...qkv.map((theirs, u) => {
            const dy = Math.floor(t / side) - Math.floor(u / side) + side - 1
            const dx = (t % side) - (u % side) + side - 1
            return {
              score: dot(part(theirs, 1)) / Math.sqrt(d) + dot(row(th, dy, d)) + dot(row(tw, dx, d)),
              value: part(theirs, 2),
            }
          }),
        ]
        const sum = keys.reduce((total, { score }) => total + Math.exp(score), 0)
        for (const { score, value } of keys)
          value.forEach((y, i) => (out[head * d + i]! += (Math.exp(score) / sum) * y))
      }
      return linear(out, at(values, "attn.proj.weight"), at(values, "attn.proj.bias"))
    })
    const whole = outputOf(of, values)
    // What comes after attention, by the block itself: x₁ + mlp(norm2 x₁) with x₁ = x + attended.
    const x1 = Float64Array.from(x, (y, i) => y + attended[Math.floor(i / width)]![i % width]!)
    const gelu = (y: number) => (y * (1 + erf(y / Math.SQRT2))) / 2
    const expected = Array.from({ length: side * side }, (_, t) => {
      const hidden = linear(
        norm(row(x1, t), at(values, "norm2.weight"), at(values, "norm2.bias")),
        at(values, "mlp.lin1.weight"),
        at(values, "mlp.lin1.bias"),
      ).map(gelu)
      return [...linear(hidden, at(values, "mlp.lin2.weight"), at(values, "mlp.lin2.bias"))].map(
        (y, i) => y + x1[t * width + i]!,
      )
    }).flat()
    expect(relativeError(whole, expected)).toBeLessThan(1e-6)
  })

  test.each([0, 3])("tokens in windows of %i are keys and values that the block makes of them", (window) => {
    const [tokens, prefixes] = [withTokens(blocks(window)), withPrefix(blocks(window))]
    const values = valuesFor(graphOf(tokens), 5)
    const made = Array.from({ length: n }, (_, i) =>
      linear(
        norm(row(at(values, "prompt_tokens"), i), at(values, "norm1.weight"), at(values, "norm1.bias")),
        at(values, "attn.qkv.weight"),
        at(values, "attn.qkv.bias"),
      ),
    )
    const part = (which: number) => Float64Array.from(made.flatMap((x) => [...row(x, which)]))
    const same = outputOf(prefixes, { ...values, "0.0.attn.prefix_k": part(1), "0.0.attn.prefix_v": part(2) })
    expect(relativeError(outputOf(tokens, values), same)).toBeLessThan(1e-13)
    expect(relativeError(outputOf(blocks(window), values), same)).toBeGreaterThan(1e-3)
  })
})

/** Several blocks on a grid, whose tokens join in the first or the second and stay. */
const rowOf = (grid: number, ...windows: readonly number[]) =>
  netOf(
    windows.map((window) => samBlock(width, heads, 2 * width, grid, window)),
    [grid, grid, width],
  )
const netOf = (blocks: readonly any[], shape: readonly number[]) =>
  model(
    define(
      "Net",
      { blocks: repeat(blocks.length, (i) => blocks[i - 1]) },
      { x: features(width) },
      (m: any, { x }: any) => ({
        out: m.blocks(x),
      }),
    ) as never,
    { name: "blocks", takes: { x: given(shape as never) }, blocks: "blocks" } as never,
  ) as Model<any, any>
const staying = (of: Model<any, any>, depth: number, joins = 1) =>
  pipe(
    of,
    freezeAll,
    adapt(schedule(depth, (i) => (i === joins ? n : null)) as never, (count) => [
      promptTokens(count, { stay: true }),
    ]) as never,
  ) as Model<any, any>
/** The same blocks on a row of places, without positions. */
const onRow = (depth: number) => {
  const attention = define(
    "Attention",
    { qkv: line(width, 3 * width), proj: line(width, width) },
    features(width),
    (m, x) => {
      const qkv = m.qkv(x)
      const part = (i: number) => forward.slice(qkv, 2, i * width, (i + 1) * width)
      return m.proj(forward.attention(part(0), part(1), part(2), heads))
    },
  )
  const block = define(
    "Block",
    {
      norm1: layerNorm(width, { eps: 1e-6 }),
      attn: attention,
      norm2: layerNorm(width, { eps: 1e-6 }),
      mlp: define("MLP", { lin1: line(width, 2 * width), lin2: line(2 * width, width) }, features(width), (m, x) =>
        m.lin2(forward.gelu(m.lin1(x))),
      ),
    },
    features(width),
    (m, x) => {
      const x1 = forward.add(x, m.attn(m.norm1(x)))
      return forward.add(x1, m.mlp(m.norm2(x1)))
    },
  )
  return netOf(Array(depth).fill(block), [side * side, width])
}

describe("tokens that stay beside a grid", () => {
  const still = (values: Values): Values =>
    Object.fromEntries(Object.entries(values).map(([name, x]) => [name, name.includes("rel_pos") ? x.map(() => 0) : x]))

  test.each([1, 2])("joining in block %i are a sequence's own, where there are no positions", (joins) => {
    const [grid, row] = [staying(rowOf(side, 0, 0, 0), 3, joins), staying(onRow(3), 3, joins)]
    const values = still(valuesFor(graphOf(grid), 7))
    const [ours, theirs] = [outputOf(grid, values), outputOf(row, values)]
    expect(theirs.length).toBe((side * side + n) * width)
    expect(relativeError(ours, theirs.slice(0, ours.length))).toBeLessThan(1e-12)
    expect(relativeError(outputOf(rowOf(side, 0, 0, 0), values), ours)).toBeGreaterThan(1e-3)
    expect(tensorTable(grid.data).flatMap(({ name, learns }) => (learns ? [name] : []))).toEqual([
      `blocks.${joins - 1}.prompt_tokens`,
    ])
  })

  test("are the mean over windows: of windows that are alike, any one's", () => {
    const [small, large] = [staying(rowOf(3, 0, 0), 2), staying(rowOf(6, 3, 3), 2)]
    const values = valuesFor(graphOf(small), 9)
    const x = values["x"]!
    const tiled = Float64Array.from({ length: 36 * width }, (_, at) => {
      const [place, channel] = [Math.floor(at / width), at % width]
      return x[((Math.floor(place / 6) % 3) * 3 + (place % 3)) * width + channel]!
    })
    const [one, four] = [outputOf(small, values), outputOf(large, { ...values, x: tiled })]
    const first = Array.from({ length: 9 }, (_, p) => row(four, Math.floor(p / 3) * 6 + (p % 3)))
    expect(relativeError(Float64Array.from(first.flatMap((y) => [...y])), one)).toBeLessThan(1e-12)
    // Where the windows differ, what one sees reaches the others through the tokens.
    const other = tiled.map((y, at) => (at === 0 ? y + 1 : y))
    const moved = outputOf(large, { ...values, x: other })
    expect(Math.max(...row(moved, 35).map((y, i) => Math.abs(y - row(four, 35)[i]!)))).toBeGreaterThan(1e-6)
  })

  test("join once, and go through nothing that needs a grid", () => {
    const twice = pipe(
      rowOf(side, 0, 0),
      freezeAll,
      adapt(uniform(2, n) as never, (count) => [promptTokens(count, { stay: true })]) as never,
    ) as Model<any, any>
    expect(modelProblems("model", twice.data, tensorTable(twice.data))).toMatchObject([
      { code: "HS1027", message: "tokens that stay beside a grid join in one block" },
    ])
  })
})

/** By its series: for the small arguments here, to 1e-15. */
const erf = (x: number): number => {
  let [term, sum] = [x, x]
  for (let k = 1; k < 60; k += 1) {
    term *= -(x * x) / k
    sum += term / (2 * k + 1)
  }
  return (2 / Math.sqrt(Math.PI)) * sum
}
