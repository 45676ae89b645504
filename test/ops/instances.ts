/**
 * Programs for every op, from the examples and edges of its record: so a new op is tried without a line here. Each op is computed from
 * operands as they are, and from views of others' data.
 */
import type { Builder, Value } from "../../src/compiler/ir/builder.ts"
import { Builder as NewBuilder } from "../../src/compiler/ir/builder.ts"
import { evaluate } from "../../src/compiler/ir/evaluate/index.ts"
import { type Graph, type Shape, sizeOf, type Tensors } from "../../src/compiler/ir/graph.ts"
import { type Computed, ops, recordOf } from "../../src/compiler/ops/index.ts"
import type { Domain } from "../../src/compiler/ops/op.ts"
import { differentiate } from "../../src/compiler/passes/differentiate.ts"
import { random } from "../ir/support.ts"

export interface Instance {
  readonly op: Computed
  readonly when: string
  readonly attrs: unknown
  readonly inputs: readonly Shape[]
  readonly edge: boolean
}
/** Examples of every op, then edges. */
export const instances: readonly Instance[] = (Object.keys(ops) as Computed[]).flatMap((op) => {
  const { examples, edges } = recordOf(op)!
  return [...examples, ...edges].map(({ attrs, inputs, when }, i) => ({
    op,
    edge: i >= examples.length,
    when: `${op} ${[when, JSON.stringify(inputs)].filter(Boolean).join(", ")} ${JSON.stringify(attrs)}`,
    attrs,
    inputs,
  }))
})

/** Random values, none zero, of which an op's domain has no more than it must. */
const values = (domain: Domain, seed: number, size: number): Float32Array => {
  const next = random(seed)
  const of: Readonly<Record<Domain, (noise: number, at: number) => number>> = {
    any: (x) => x + Math.sign(x) * 0.01,
    positive: (x) => Math.abs(x) + 0.2,
    "away from zero": (x) => x + Math.sign(x) * 0.1,
    distinct: (_, at) => (((at + seed) * 37) % 101) / 50 - 1 + at * 1e-3 + seed * 1e-2,
    wide: (x) => 6 * x,
    ids: (_, at) => (at + seed) % 3,
  }
  return Float32Array.from({ length: size }, (_, at) => of[domain](next(), at))
}

/** What an operand is, beside itself. */
type Given = (b: Builder, source: Value, shape: Shape) => Value
export interface Way {
  readonly name: string
  /** The shape in which an operand of this shape is fed. */
  readonly fed: (shape: Shape) => Shape
  readonly given: Given
}
export const ways: readonly Way[] = [
  { name: "as it is", fed: (shape) => shape, given: (_, x) => x },
  { name: "of a flat tensor", fed: (shape) => [sizeOf(shape)], given: (b, x, shape) => b.reshape(x, shape) },
  {
    name: "of a column",
    fed: (shape) => [sizeOf(shape), 1],
    // Over an axis of 1 a transposition moves nothing: engines share the data.
    given: (b, x, shape) => b.reshape(b.transpose(x, [1, 0]), shape),
  },
]

/**
 * Before and after the op, the operand's data in two other shapes, as the right operand of products: engines may keep what they
 * know of an operand by its data.
 */
const products = (b: Builder, source: Value, name: string): Readonly<Record<string, Value>> => {
  const size = sizeOf(b.shapeOf(source))
  const row = b.input(`${name}/row`, [1, size])
  const column = b.input(`${name}/column`, [2, 1])
  return {
    [`${name}/dot`]: b.matmul(row, b.reshape(source, [size, 1])),
    [`${name}/outer`]: b.matmul(column, b.reshape(source, [1, size])),
    [`${name}/rows`]: b.matmul(row, b.reshape(source, [1, size]), { transposeB: true }),
  }
}

export interface Tried {
  readonly graph: Graph
  readonly inputs: Tensors
}
const takesOutput: ReadonlySet<Computed> = new Set(["attentionGrad", "relPosAttentionGrad"])
/** A gradient that takes the output is made by the op that it is the gradient of, lest its operand be made up. */
export const isOwn = ({ op }: Instance): boolean => !takesOutput.has(op)

/** The op, and the gradients of its operands: one program for each way of giving it operands, with products of their data beside it. */
export const tried = ({ op, attrs, inputs }: Instance, { fed, given }: Way, beside = true): Tried => {
  const { domain = "any", gradient } = recordOf(op)!
  const b = new NewBuilder()
  const names = inputs.map((_, i) => `x${i}`)
  const sources = inputs.map((shape, i) => b.input(names[i]!, fed(shape)))
  const multiplied = (when: string) =>
    beside ? sources.map((source, i) => products(b, source, `${names[i]}/${when}`)) : []
  const before = multiplied("before")
  const operands = sources.map((source, i) => given(b, source, inputs[i]!))
  const y = b.emit(op, operands, attrs as never)
  const { parts } = b.node(y)
  const results = parts === undefined ? [y] : parts.map((_, i) => b.part(y, i))
  const outputs: Record<string, Value> = Object.fromEntries(results.map((value, i) => [`y${i}`, value]))
  for (const more of [...before, ...multiplied("after")]) Object.assign(outputs, more)
  if (typeof gradient === "function") {
    const shape = b.shapeOf(y)
    const axes = shape.map((_, i) => i)
    const loss = b.reduceSum(b.mul(y, b.input("w", shape)), { axes, keepDims: false })
    const { gradients } = differentiate(b, loss, names)
    for (const [name, value] of gradients) outputs[`d${name}`] = value
  }
  const graph = b.build(outputs)
  const fedNow = graph.nodes.flatMap((node) => (node.op === "input" ? [node] : []))
  const data = fedNow.map(({ attrs: { name }, shape }, i) => {
    const of = names.includes(name) ? domain : "any"
    return [name, { shape, data: values(of, i + 1, sizeOf(shape)) }] as const
  })
  return { graph, inputs: Object.fromEntries(data) }
}

export const reference = ({ graph, inputs }: Tried) =>
  evaluate(graph, Object.fromEntries(Object.entries(inputs).map(([name, { data }]) => [name, data])))
