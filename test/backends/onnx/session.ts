/** Graphs lowered and run at once, without the engine's thread around them. */
import { InferenceSession, Tensor as OrtTensor } from "onnxruntime-node"
import { type LowerOptions, lower } from "../../../src/backends/onnx/lower.ts"
import { encodeModel } from "../../../src/backends/onnx/model.ts"
import type { Graph, Tensors } from "../../../src/compiler/ir/graph.ts"

export const runGraph = async (graph: Graph, inputs: Tensors, options: LowerOptions = {}): Promise<Tensors> => {
  const session = await InferenceSession.create(encodeModel(lower(graph, options)), {
    logSeverityLevel: 3,
    intraOpNumThreads: 1,
    // As the engine sets it; others run files with all that onnxruntime has.
    graphOptimizationLevel: options.portable ? "all" : "disabled",
  })
  const feeds = session.inputNames.map((name) => {
    const { data, shape } = inputs[name]!
    return [name, new OrtTensor("float32", data, shape)] as const
  })
  const results = await session.run(Object.fromEntries(feeds))
  await session.release()
  return Object.fromEntries(
    Object.entries(results).map(([name, { dims, data }]) => [
      name,
      { shape: dims.map(Number), data: data as Float32Array },
    ]),
  )
}

/** Largest difference, as a part of the largest value; NaN where either has one. */
export const difference = (actual: ArrayLike<number>, expected: ArrayLike<number>): number => {
  if (actual.length !== expected.length) return Number.POSITIVE_INFINITY
  let [worst, largest] = [0, 1e-3]
  for (let i = 0; i < expected.length; i++) {
    const off = Math.abs(actual[i]! - expected[i]!)
    if (!(off <= worst)) worst = off
    largest = Math.max(largest, Math.abs(expected[i]!))
  }
  return worst / largest
}
