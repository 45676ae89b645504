/**
 * Makes onnxruntime run nodes in the order given. It orders depth first: from the nodes whose results nothing takes, last in the file first,
 * and at each node through its operands, last in the file first. So the file is our order reversed; and where depth first would leave our
 * order, a probe, whose result nothing takes, asks for what is due: Size, which reads no element.
 */
import type { OnnxNode } from "./model.ts"

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

/** The nodes as they are to stand in the file. */
export const inFileOrder = (nodes: readonly OnnxNode[]): readonly OnnxNode[] => {
  const probes = ends(nodes).map((end, i) => ({
    op: "Size",
    inputs: [nodes[end]!.outputs[0]!],
    outputs: [`_probe${i}`],
  }))
  return [...[...nodes].reverse(), ...probes.reverse()]
}
