/**
 * Makes onnxruntime run nodes in the order given. It orders depth first: from the nodes whose results nothing takes, last in the file first,
 * and at each node through its operands, last in the file first. So the file is our order reversed; and where depth first would leave our
 * order, a probe, whose result nothing takes, asks for what is due: Size, which reads no element.
 */
import type { OnnxNode } from "./model.ts"

const probe = "_probe"
/** Nodes that one probe may ask for. */
const longest = 64

/** For each node those that it takes from, earliest first. */
const producersOf = (nodes: readonly OnnxNode[]): readonly (readonly number[])[] => {
  const makers = new Map(nodes.flatMap(({ outputs }, i) => outputs.map((output) => [output, i] as const)))
  return nodes.map(({ inputs }) => {
    const makersOf = inputs.flatMap((input) => makers.get(input) ?? [])
    return [...new Set(makersOf)].sort((a, b) => a - b)
  })
}

/** Does depth first from `end` run exactly the nodes from `start` to `end`, in order, once those before `start` have run? */
const runsInOrder = (producers: readonly (readonly number[])[], start: number, end: number): boolean => {
  let next = start
  const visit = (node: number): boolean => {
    if (node < next) return true
    for (const producer of producers[node]!) if (producer >= next && !visit(producer)) return false
    return node === next++
  }
  return visit(end) && next === end + 1
}

/** Ends of the stretches that depth first runs in order. */
const ends = (nodes: readonly OnnxNode[]): readonly number[] => {
  const producers = producersOf(nodes)
  const found: number[] = []
  for (let start = 0; start < nodes.length; start = found.at(-1)! + 1) {
    const last = Math.min(nodes.length, start + longest) - 1
    let end = last
    while (end > start && !runsInOrder(producers, start, end)) end -= 1
    found.push(end)
  }
  return found
}

/** A file's nodes in the order in which they run, without probes. */
export const runOrder = (file: readonly OnnxNode[]): readonly OnnxNode[] =>
  [...file].reverse().filter(({ outputs }) => !outputs[0]!.startsWith(probe))

/** Ops that read an element before they write it, and no other. */
const elementwise = new Set(["Add", "Sub", "Mul", "Div", "Identity"])
/**
 * State that may be written where it is read: no node reads it after the one that writes its next value, and that one takes each element
 * before it gives it. `state` is from inputs to outputs; nodes are in the order in which they run.
 */
export const writtenInPlace = (
  nodes: readonly OnnxNode[],
  state: Readonly<Record<string, string>>,
): readonly string[] => {
  const lastRead = new Map(nodes.flatMap(({ inputs }, i) => inputs.map((input) => [input, i] as const)))
  const maker = new Map(nodes.flatMap(({ outputs }, i) => outputs.map((output) => [output, i] as const)))
  return Object.entries(state).flatMap(([name, next]) => {
    const [read, made] = [lastRead.get(name) ?? -1, maker.get(next)]
    if (made === undefined) return []
    return read < made || (read === made && elementwise.has(nodes[made]!.op)) ? [name] : []
  })
}

/** The nodes as they are to stand in the file. */
export const inFileOrder = (nodes: readonly OnnxNode[]): readonly OnnxNode[] => {
  const probes = ends(nodes).map((end, i) => ({
    op: "Size",
    inputs: [nodes[end]!.outputs[0]!],
    outputs: [`${probe}${i}`],
  }))
  return [...[...nodes].reverse(), ...probes.reverse()]
}
