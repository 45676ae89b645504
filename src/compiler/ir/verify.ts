/**
 * Is this a program? Ids before use, shapes as the rules give them, parts where there are parts, every name once, state that exists.
 * Passes are trusted to keep to this, and checked.
 */
import { type Node, type OpKind, type Program, type Shape, sizeOf } from "./graph.ts"
import { type Result, sameShape, shapes } from "./shapes.ts"

/** How many operands an op takes: exactly, or from … to. Total. */
export const arity: { readonly [K in OpKind]: number | readonly [least: number, most: number] } = {
  input: 0,
  parameter: 0,
  constant: 0,
  neg: 1,
  exp: 1,
  log: 1,
  sqrt: 1,
  sin: 1,
  cos: 1,
  tanh: 1,
  erf: 1,
  abs: 1,
  sigmoid: 1,
  softplus: 1,
  relu: 1,
  step: 1,
  equals: 1,
  scale: 1,
  shift: 1,
  add: 2,
  sub: 2,
  mul: 2,
  div: 2,
  maximum: 2,
  matmul: 2,
  conv2d: 2,
  conv2dInputGrad: 2,
  conv2dWeightGrad: 2,
  maxPool2d: 1,
  maxPool2dGrad: 2,
  avgPool2d: 1,
  avgPool2dGrad: 1,
  reduceSum: 1,
  reduceMean: 1,
  reduceMax: 1,
  reshape: 1,
  transpose: 1,
  broadcast: 1,
  slice: 1,
  pad: 1,
  concat: [1, Number.POSITIVE_INFINITY],
  gather: 1,
  scatterAdd: 1,
  oneHot: 1,
  part: 1,
  linear: [2, 3],
  softmax: 1,
  softmaxGrad: 2,
  layerNorm: 3,
  layerNormGrad: 3,
  gelu: 1,
  geluGrad: 2,
  attention: 3,
  attentionGrad: 5,
  relPosAttention: 5,
  relPosAttentionGrad: 7,
  resizeBilinear: 1,
  resizeBilinearGrad: 1,
  adapter: 5,
}

const show = (shape: Shape): string => `[${shape.join(", ")}]`
const isShape = (shape: Shape): boolean => shape.every((extent) => Number.isInteger(extent) && extent > 0)

const partsOf = (result: Result): readonly Shape[] | undefined => ("parts" in result ? result.parts : undefined)
const sameParts = (a: readonly Shape[] | undefined, b: readonly Shape[] | undefined): boolean =>
  a === undefined || b === undefined ? a === b : a.length === b.length && a.every((shape, i) => sameShape(shape, b[i]!))

/** What the rules say about a node whose operands exist; nothing if all is well. */
const misfit = (node: Node, operands: readonly Node[]): string | undefined => {
  if (node.op === "input" || node.op === "parameter")
    return node.attrs.name === "" ? `has no name` : isShape(node.shape) ? undefined : `cannot be ${show(node.shape)}`
  if (node.op === "constant") {
    const { length } = node.attrs.values
    return length === 1 || length === sizeOf(node.shape) ? undefined : `has ${length} values for ${show(node.shape)}`
  }
  if (node.op === "part") {
    const shape = operands[0]!.parts?.[node.attrs.index]
    if (shape === undefined) return `there is no part ${node.attrs.index} in a ${operands[0]!.op}`
    return sameShape(shape, node.shape) ? undefined : `is ${show(node.shape)}, but the part is ${show(shape)}`
  }
  const several = operands.find(({ parts }) => parts !== undefined)
  if (several !== undefined) return `uses all of a ${several.op} instead of a part of it`
  try {
    const rule = shapes[node.op] as (attrs: unknown, ...inputs: readonly Shape[]) => Result
    const result = rule(node.attrs, ...operands.map(({ shape }) => shape))
    const parts = partsOf(result)
    const shape = parts === undefined ? (result as Shape) : parts[0]!
    if (!sameShape(shape, node.shape)) return `is ${show(node.shape)}, but the rule gives ${show(shape)}`
    if (!sameParts(parts, node.parts)) return `has other parts than the rule gives`
    return isShape(shape) ? undefined : `cannot be ${show(shape)}`
  } catch (problem) {
    return problem instanceof Error ? problem.message : String(problem)
  }
}

const nodeProblem = (nodes: readonly Node[], node: Node, id: number): string | undefined => {
  const takes: number | readonly [number, number] | undefined = arity[node.op]
  if (takes === undefined) return "no such op"
  const [least, most] = typeof takes === "number" ? [takes, takes] : takes
  const { length } = node.inputs
  if (length < least || length > most) return `takes ${least} operands, not ${length}`
  const early = node.inputs.find((input) => !(Number.isInteger(input) && input >= 0 && input < id))
  if (early !== undefined) return `uses %${early}, which is not before it`
  return misfit(
    node,
    node.inputs.map((input) => nodes[input]!),
  )
}

const repeated = (names: readonly string[]): readonly string[] => {
  const seen = new Set<string>()
  return names.filter((name) => seen.size === seen.add(name).size)
}

/** One sentence for everything that is wrong; empty for a program. */
export const problemsOf = ({ graph: { nodes, outputs }, state }: Program): readonly string[] => {
  const inNodes = nodes.flatMap((node, id) => {
    const problem = nodeProblem(nodes, node, id)
    return problem === undefined ? [] : [`%${id} ${node.op}: ${problem}`]
  })
  const sources = nodes.flatMap((node) => (node.op === "input" || node.op === "parameter" ? [node] : []))
  const names = [
    ...repeated(sources.map(({ attrs }) => attrs.name)).map((name) => `"${name}" is an input or parameter twice`),
    ...repeated(outputs.map(({ name }) => name)).map((name) => `"${name}" is an output twice`),
  ]
  const inOutputs = outputs.flatMap(({ name, value }) => {
    const node = nodes[value]
    if (node === undefined) return [`output "${name}" is %${value}, which is not there`]
    return node.parts === undefined ? [] : [`output "${name}" is all of a ${node.op} instead of a part of it`]
  })
  const held = new Map(sources.map(({ attrs, shape }) => [attrs.name, shape]))
  const given = new Map(outputs.map(({ name, value }) => [name, nodes[value]?.shape]))
  const inState = Object.entries(state).flatMap(([name, next]) => {
    const [before, after] = [held.get(name), given.get(next)]
    if (before === undefined) return [`state "${name}" is no input or parameter`]
    if (!given.has(next)) return [`state "${name}" is to become "${next}", which is no output`]
    return after === undefined || sameShape(after, before)
      ? []
      : [`state "${name}" is ${show(before)}, and would become ${show(after)}`]
  })
  return [...inNodes, ...names, ...inOutputs, ...inState]
}

/** The program itself, or an internal error that names the pass which broke it. */
export const verified = (program: Program, pass: string): Program => {
  const problems = problemsOf(program)
  if (problems.length === 0) return program
  const more = problems.length > 5 ? `\n… and ${problems.length - 5} more` : ""
  throw new Error(`internal: not a program after ${pass}\n${problems.slice(0, 5).join("\n")}${more}`)
}
