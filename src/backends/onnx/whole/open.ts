/**
 * A model for any number of something, from models for some: lowered for several numbers, they have the same nodes, and the integers in which they
 * differ (shapes, ends of slices) are polynomials in these numbers. What is found is checked on one more; nothing has to be known of the model.
 */

import type { Emitter } from "../emitter.ts"
import type { Initializer, OnnxModel, OnnxNode } from "../model.ts"

/** Lowers the model for these numbers. */
export type LowerAt = (counts: readonly number[]) => OnnxModel

/** Numbers to lower for, the last to check: primes, and none is 1, with which shapes say less. */
const samples: Readonly<Record<number, readonly (readonly number[])[]>> = {
  1: [[2], [3], [7]],
  2: [
    [2, 2],
    [3, 2],
    [2, 3],
    [3, 3],
    [5, 7],
  ],
}

/** 1, a, b, a·b: what an integer is a sum of. */
type Coefficients = readonly number[]
const monomials = (counts: readonly number[]): readonly number[] =>
  counts.length === 1 ? [1, counts[0]!] : [1, counts[0]!, counts[1]!, counts[0]! * counts[1]!]

/** The integer's polynomial from its values in the samples, or undefined if it is none. */
const fitted = (values: readonly number[], list: readonly (readonly number[])[]): Coefficients | undefined => {
  const found = (): Coefficients => {
    if (list[0]!.length === 1) {
      const [at2, at3] = values as [number, number]
      return [3 * at2 - 2 * at3, at3 - at2]
    }
    const [at22, at32, at23, at33] = values as [number, number, number, number]
    const ab = at33 - at32 - at23 + at22
    const [a, b] = [at32 - at22 - 2 * ab, at23 - at22 - 2 * ab]
    return [at22 - 2 * a - 2 * b - 4 * ab, a, b, ab]
  }
  const coefficients = found()
  const holds = list.every(
    (counts, i) => monomials(counts).reduce((sum, m, k) => sum + m * coefficients[k]!, 0) === values[i],
  )
  return holds ? coefficients : undefined
}

const constantsOf = ({ initializers }: OnnxModel): ReadonlyMap<string, Initializer> =>
  new Map(initializers.flatMap((tensor) => ("data" in tensor ? [[tensor.name, tensor] as const] : [])))
/** Where each value is made: the node's number and which of its outputs. */
const makersOf = ({ nodes }: OnnxModel): ReadonlyMap<string, string> =>
  new Map(nodes.flatMap(({ outputs }, i) => outputs.map((output, k) => [output, `${i} ${k}`] as const)))

const sameData = (a: Initializer, b: Initializer): boolean =>
  a.shape.length === b.shape.length &&
  a.shape.every((extent, i) => extent === b.shape[i]) &&
  a.data.length === b.data.length &&
  (a.data as Float32Array).every((x, i) => x === b.data[i])

/** Names of the values that numbers are read from, each a vector of one integer. */
export type Counts = readonly string[]

/**
 * Nodes and constants of the model for any numbers, its own names kept; what computes with the numbers goes through `e`. Undefined where the models
 * differ in more than integers.
 */
export const opened = (
  lowerAt: LowerAt,
  counts: Counts,
  e: Emitter,
): Pick<OnnxModel, "nodes" | "initializers"> | undefined => {
  const list = samples[counts.length]!
  const models = list.map(lowerAt)
  const [first] = models as [OnnxModel]
  if (models.some(({ nodes }) => nodes.length !== first.nodes.length)) return undefined
  const [constants, makers] = [models.map(constantsOf), models.map(makersOf)]
  const powers = counts.length === 1 ? [counts[0]!] : [counts[0]!, counts[1]!, e.node("Mul", [counts[0]!, counts[1]!])]

  /** A vector of integers that depends on the numbers. */
  const vectors = new Map<string, string>()
  const vector = (values: readonly (readonly number[])[]): string | undefined => {
    const each = values[0]!.map((_, i) =>
      fitted(
        values.map((one) => one[i]!),
        list,
      ),
    )
    if (each.some((one) => one === undefined)) return undefined
    const key = JSON.stringify(each)
    const known = vectors.get(key)
    if (known !== undefined) return known
    const made = powers.reduce(
      (sum, power, k) => {
        const factors = each.map((one) => one![k + 1]!)
        return factors.every((x) => x === 0) ? sum : e.node("Add", [sum, e.node("Mul", [power, e.ints(factors)])])
      },
      e.ints(each.map((one) => one![0]!)),
    )
    vectors.set(key, made)
    return made
  }
  /** An operand in all models: the same value, the same constant, or a constant that depends on the numbers. */
  const operand = (names: readonly string[]): string | undefined => {
    const given = names.map((name, i) => constants[i]!.get(name))
    if (given.every((one) => one === undefined)) {
      const places = new Set(names.map((name, i) => makers[i]!.get(name) ?? name))
      return places.size === 1 ? names[0] : undefined
    }
    if (given.some((one) => one === undefined)) return undefined
    const all = given as Initializer[]
    if (all.every((one) => sameData(one, all[0]!))) return names[0]
    if (all.every(({ data }) => data instanceof BigInt64Array && data.length === all[0]!.data.length))
      return vector(all.map(({ data }) => [...(data as BigInt64Array)].map(Number)))
    // A constant of one value in another size.
    const [value] = all[0]!.data as Float32Array
    const rank = all[0]!.shape.length
    const filled = all.every(
      ({ data, shape }) => shape.length === rank && (data as Float32Array).every((x) => x === value),
    )
    const shape = filled ? vector(all.map((one) => one.shape)) : undefined
    return shape === undefined ? undefined : e.node("Expand", [e.scalar(value!), shape])
  }
  const nodes: OnnxNode[] = []
  for (const [i, node] of first.nodes.entries()) {
    const all = models.map((model) => model.nodes[i]!)
    const written = JSON.stringify([node.op, node.domain, node.attributes ?? {}, node.inputs.length])
    if (all.some((one) => JSON.stringify([one.op, one.domain, one.attributes ?? {}, one.inputs.length]) !== written))
      return undefined
    const inputs = node.inputs.map((_, k) => operand(all.map((one) => one.inputs[k]!)))
    if (inputs.some((input) => input === undefined)) return undefined
    nodes.push({ ...node, inputs: inputs as readonly string[] })
  }
  const used = new Set(nodes.flatMap(({ inputs }) => inputs))
  return { nodes, initializers: first.initializers.filter(({ name }) => used.has(name)) }
}
