/** Tokens, keys and values that learn: attention over everything twice is attention over it once. */
import { expect, test } from "vitest"
import { learningNames } from "../../src/compiler/analysis/parameters.ts"
import { evaluate } from "../../src/compiler/ir/evaluate/index.ts"
import { sizeOf } from "../../src/compiler/ir/graph.ts"
import { standardSizes } from "../../src/compiler/passes/elaborate/index.ts"
import { compile } from "../../src/compiler/passes/pipeline.ts"
import {
  adapt,
  define,
  features,
  forward,
  freezeAll,
  given,
  keysAndValues,
  layerNorm,
  linear,
  type Model,
  model,
  pipe,
  promptTokens,
  uniform,
} from "../../src/dsl/index.ts"
import { networkOf } from "../../src/dsl/network.ts"
import { tensorsOf } from "../../src/dsl/tensors.ts"
import { random, relativeError, type Values } from "../ir/support.ts"

const { add, attention, slice } = forward
const [n, d] = [5, 8]
const qkvOf = { qkv: linear(d, 3 * d) }
const block = define(
  "Block",
  {
    norm1: layerNorm(d),
    attn: define("Attention", { ...qkvOf, proj: linear(d, d) }, features(d), (m, x) => {
      const part = (i: number) => slice(m.qkv(x), 2, i * d, (i + 1) * d)
      return m.proj(attention(part(0), part(1), part(2), 2))
    }),
  },
  features(d),
  (m, x) => add(x, m.attn(m.norm1(x))),
)
const net = model(
  define("Net", { blocks: [block] }, { tokens: features(d) }, (m, { tokens }) => ({ out: m.blocks[0](tokens) })),
  { name: "Net", takes: { tokens: given([n, d]) }, blocks: "blocks" },
)
/** What its attention reads: keys and values among it. */
const probe = model(
  define(
    "Probe",
    {
      blocks: [
        define(
          "Block",
          { norm1: layerNorm(d), attn: define("A", qkvOf, features(d), (m, x) => m.qkv(x)) },
          features(d),
          (m, x) => m.attn(m.norm1(x)),
        ),
      ],
    },
    { tokens: features(d) },
    (m, { tokens }) => ({ qkv: m.blocks[0](tokens) }),
  ),
  { name: "Probe", takes: { tokens: given([n, d]) } },
)

const next = random(4)
const drawn = (size: number) => Float64Array.from({ length: size }, () => next())
const tokens = drawn(n * d)
const weights: Values = Object.fromEntries(
  tensorsOf(networkOf(net.data)).map(({ name, shape }) => [name, drawn(sizeOf(shape))]),
)
const run = ({ data }: Model, more: Values = {}) => {
  const { program } = compile({ model: data, sizes: standardSizes(data), goal: { kind: "inference" } })
  return evaluate(program.graph, { ...weights, ...more, tokens })
}
const plain = run(net)["out"]!

const adapted = (placement: any): Model =>
  pipe(
    net,
    freezeAll,
    adapt(uniform(1, n), (count) => [placement(count)]),
  ) as Model

test("prompt tokens that are the block's own change nothing; others do; they leave, or stay", () => {
  const prompted = adapted(promptTokens)
  expect(learningNames(prompted.data)).toEqual(["blocks.0.prompt_tokens"])
  const same = run(prompted, { "blocks.0.prompt_tokens": tokens })["out"]!
  expect(same.shape).toEqual(plain.shape)
  expect(relativeError(same.data, plain.data)).toBeLessThan(1e-12)
  const others = run(prompted, { "blocks.0.prompt_tokens": drawn(n * d) })["out"]!
  expect(relativeError(others.data, plain.data)).toBeGreaterThan(1e-3)
  const kept = run(
    adapted((count: any) => promptTokens(count, { stay: true })),
    { "blocks.0.prompt_tokens": tokens },
  )["out"]!
  expect(kept.shape).toEqual([1, 2 * n, d])
  expect(relativeError(kept.data.slice(0, n * d), plain.data)).toBeLessThan(1e-12)
})

test("keys and values that are the block's own change nothing; others do", () => {
  const { data } = run(probe)["qkv"]!
  const part = (i: number) =>
    Float64Array.from({ length: n * d }, (_, at) => data[Math.floor(at / d) * 3 * d + i * d + (at % d)]!)
  const prefixed = adapted(keysAndValues)
  expect(learningNames(prefixed.data)).toEqual(["blocks.0.attn.prefix_k", "blocks.0.attn.prefix_v"])
  const own = { "blocks.0.attn.prefix_k": part(1), "blocks.0.attn.prefix_v": part(2) }
  expect(relativeError(run(prefixed, own)["out"]!.data, plain.data)).toBeLessThan(1e-12)
  const others = { ...own, "blocks.0.attn.prefix_v": drawn(n * d) }
  expect(relativeError(run(prefixed, others)["out"]!.data, plain.data)).toBeGreaterThan(1e-3)
})
