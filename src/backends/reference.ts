/** The float64 evaluation as an engine: slow, and right. What others are compared with. */

import { evaluate } from "../compiler/ir/evaluate/index.ts"
import type { Program, Tensor, Tensors } from "../compiler/ir/graph.ts"
import type { Backend, Executable } from "./backend.ts"

const executable = ({ graph, state }: Program): Executable => {
  // State keeps its float64 values between runs.
  const held = new Map<string, ArrayLike<number>>()
  const shapes = new Map<string, readonly number[]>()
  for (const node of graph.nodes)
    if (node.op === "input" || node.op === "parameter") shapes.set(node.attrs.name, node.shape)
  const tensor = (name: string): Tensor => ({ shape: shapes.get(name)!, data: Float32Array.from(held.get(name)!) })
  return {
    load: async (tensors) => {
      for (const [name, { data }] of Object.entries(tensors)) held.set(name, data.slice())
    },
    run: async (inputs) => {
      const fed = Object.fromEntries(Object.entries(inputs).map(([name, { data }]) => [name, data]))
      const results = evaluate(graph, { ...Object.fromEntries(held), ...fed })
      const outputs: Record<string, Tensor> = {}
      const next = new Map(Object.entries(state).map(([name, output]) => [output, name]))
      for (const [name, { shape, data }] of Object.entries(results)) {
        const of = next.get(name)
        if (of === undefined) outputs[name] = { shape, data: Float32Array.from(data) }
        else held.set(of, data)
      }
      return outputs
    },
    read: async (names) => Object.fromEntries(names.map((name) => [name, tensor(name)])) as Tensors,
    dispose: async () => held.clear(),
  }
}

export const reference = (): Backend => ({ name: "reference", compile: async (program) => executable(program) })
