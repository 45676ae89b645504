import { describe, expect, test } from "vitest"
import { Builder } from "../../src/compiler/ir/builder.ts"
import { valueBytes } from "../../src/compiler/ir/bytes.ts"
import type { Graph } from "../../src/compiler/ir/graph.ts"
import { gradientProgram } from "../../src/compiler/passes/program.ts"
import { schedule } from "../../src/compiler/passes/schedule.ts"
import { everything, loss, model, sizes } from "./models.ts"

const kb = 1024
/** One tensor of 1 KiB. */
const shape = [256]

test("a chain holds two at a time, its operand and its result", () => {
  const b = new Builder()
  const graph = b.build({ y: b.exp(b.exp(b.exp(b.exp(b.input("x", shape))))) })
  const { peak, resident } = schedule(graph)
  expect(resident).toBe(kb)
  expect(peak).toBe(2 * kb)
})

test("what is used later stays", () => {
  const b = new Builder()
  const early = b.exp(b.input("x", shape))
  const late = b.exp(b.exp(b.exp(early)))
  const graph = b.build({ y: b.add(early, late) })
  expect(schedule(graph).peak).toBe(3 * kb)
})

test("outputs stay to the end", () => {
  const b = new Builder()
  const first = b.exp(b.input("x", shape))
  const graph = b.build({ first, y: b.exp(b.exp(b.exp(first))) })
  const { peak, lastUse } = schedule(graph)
  expect(peak).toBe(3 * kb)
  expect(lastUse[first]).toBe(graph.nodes.length)
})

test("a view is no buffer, and keeps its buffer alive", () => {
  const b = new Builder()
  const x = b.exp(b.input("x", shape))
  const view = b.reshape(x, [16, 16])
  const other = b.exp(b.exp(b.exp(x)))
  const graph = b.build({ y: b.matmul(view, b.reshape(other, [16, 16])) })
  const { buffer, lastUse, peak } = schedule(graph)
  expect(buffer[view]).toBe(x)
  expect(lastUse[x]).toBe(graph.nodes.length - 1)
  expect(peak).toBe(3 * kb)
})

test("parts are one buffer", () => {
  const b = new Builder()
  const [x, w] = [b.input("x", [16, 16]), b.parameter("w", [16])]
  const all = b.layerNormGrad(b.exp(x), w, x, { eps: 1e-6 })
  const graph = b.build({ dx: b.part(all, 0), dw: b.part(all, 1) })
  expect(schedule(graph).peak).toBe(2 * kb + 2 * 64)
})

/** Runs the schedule: fails if a value is read after its buffer was given to another. */
const replay = (graph: Graph): number => {
  const { buffer, lastUse } = schedule(graph)
  const holds = new Map<number, number>()
  let most = 0
  graph.nodes.forEach((node, id) => {
    const view = node.op === "reshape" || node.op === "part"
    for (const input of node.inputs) {
      let value = input
      while (["reshape", "part"].includes(graph.nodes[value]!.op)) value = graph.nodes[value]!.inputs[0]!
      expect(holds.get(buffer[value]!)).toBe(value)
    }
    if (!view) holds.set(buffer[id]!, id)
    const made = [...holds.keys()].filter((key) => !["input", "parameter", "constant"].includes(graph.nodes[key]!.op))
    most = Math.max(
      most,
      made.reduce((sum, key) => sum + valueBytes(graph.nodes[key]!), 0),
    )
    for (const key of [...holds.keys()]) if (lastUse[key] === id) holds.delete(key)
  })
  return most
}
describe("a whole training graph", () => {
  const { graph } = gradientProgram(model, sizes, { learning: everything, loss }).program
  test("no value is read after its buffer went to another, and the peak is that of a replay", () => {
    const { peak, at, alive, buffer } = schedule(graph)
    expect(replay(graph)).toBe(peak)
    expect(alive.reduce((sum, id) => sum + valueBytes(graph.nodes[id]!), 0)).toBe(peak)
    expect(alive).toContain(buffer[at])
  })
})
