/**
 * Is this a program? Ids before use, shapes as the rules give them, parts where there are parts, every name once, state that exists.
 * Passes are trusted to keep to this, and checked.
 */
import { arityOf, recordOf } from "../ops/index.ts"
import type { Result } from "../ops/op.ts"
import { type Node, type Program, type Shape, sizeOf } from "./graph.ts"
import { isShape, sameShape, show } from "./shapes.ts"

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
    const result = recordOf(node.op)!.shape(operands.map(({ shape }) => shape) as never, node.attrs)
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
  const takes = arityOf(node.op)
  if (takes === undefined) return "no such op"
  const [least, most] = takes
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
