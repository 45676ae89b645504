/**
 * Makes onnxruntime run nodes in the order given. It orders depth first: from the nodes whose results nothing takes, last in the file first,
 * and at each node through its operands, last in the file first. So the file is our order reversed; and where depth first would leave our
 * order, a probe, whose result nothing takes, asks for what is due: Size, which reads no element. Within a few nodes its order is as good as
 * ours, and saves probes.
 */
import type { OnnxNode } from "./model.ts"

const probe = "_probe"
/** Nodes that one probe may ask for, and among how many of them any order will do: whatever is alive before and after is the same. */
const longest = 64
const loose = 16

/** For each node those that it takes from, earliest first. */
const producersOf = (nodes: readonly OnnxNode[]): readonly (readonly number[])[] => {
  const makers = new Map(nodes.flatMap(({ outputs }, i) => outputs.map((output) => [output, i] as const)))
  return nodes.map(({ inputs }) => {
    const makersOf = inputs.flatMap((input) => makers.get(input) ?? [])
    return [...new Set(makersOf)].sort((a, b) => a - b)
  })
}

/** For each node the first that takes from it. */
const firstTakers = (producers: readonly (readonly number[])[]): readonly number[] => {
  const first = producers.map(() => Number.POSITIVE_INFINITY)
  producers.forEach((of, node) => {
    for (const producer of of) first[producer] = Math.min(first[producer]!, node)
  })
  return first
}

/** The nodes from `start` on that depth first from `end` runs, in its order, if they stand in the file as `place` says: as they are, where it is left out. */
const depthFirst = (
  producers: readonly (readonly number[])[],
  start: number,
  end: number,
  place?: (node: number) => number,
): readonly number[] => {
  const seen = new Uint8Array(end - start + 1)
  const order: number[] = []
  const visit = (node: number): void => {
    if (node < start || seen[node - start]) return
    seen[node - start] = 1
    const of = producers[node]!
    for (const producer of place === undefined ? of : [...of].sort((a, b) => place(a) - place(b))) visit(producer)
    order.push(node)
  }
  visit(end)
  return order
}
const same = (a: readonly number[], b: readonly number[]): boolean => a.every((x, i) => x === b[i])
const isRange = (order: readonly number[]): boolean => order.every((node, i) => node === order[0]! + i)

/** The nodes from `start` to `end` in an order that depth first from `end` keeps: ours, or among few nodes its own; or nothing. */
const stretch = (
  producers: readonly (readonly number[])[],
  takers: readonly number[],
  start: number,
  end: number,
): readonly number[] | undefined => {
  // It comes to all of them where each but the last is taken by another.
  for (let node = start; node < end; node++) if (takers[node]! > end) return undefined
  const its = depthFirst(producers, start, end)
  if (isRange(its)) return its
  if (its.length > loose) return undefined
  // As it stands in the file it is to be run again: that may take another order.
  const place = new Map(its.map((node, i) => [node, start + i]))
  const again = depthFirst(producers, start, end, (node) => place.get(node) ?? node)
  return same(again, its) ? its : undefined
}

/** Stretches that depth first runs one after the other, each from its last node. */
const stretches = (nodes: readonly OnnxNode[]): readonly (readonly number[])[] => {
  const producers = producersOf(nodes)
  const takers = firstTakers(producers)
  const found: (readonly number[])[] = []
  for (let start = 0; start < nodes.length; start += found.at(-1)!.length) {
    let end = Math.min(nodes.length, start + longest) - 1
    let order = stretch(producers, takers, start, end)
    while (order === undefined) {
      end -= 1
      order = stretch(producers, takers, start, end)
    }
    found.push(order)
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
  const orders = stretches(nodes)
  const probes = orders.map((order, i) => ({
    op: "Size",
    inputs: [nodes[order.at(-1)!]!.outputs[0]!],
    outputs: [`${probe}${i}`],
  }))
  return [
    ...orders
      .flat()
      .map((node) => nodes[node]!)
      .reverse(),
    ...probes.reverse(),
  ]
}
