import { Builder } from "../../../src/compiler/ir/builder.ts"
import type { Program, Tensor } from "../../../src/compiler/ir/graph.ts"
import { random } from "./cases.ts"

export const tensor = (shape: readonly number[], values: readonly number[]): Tensor => ({
  shape,
  data: Float32Array.from(values),
})
export const noise = (seed: number, shape: readonly number[]): Tensor => {
  const next = random(seed)
  return { shape, data: Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, next) }
}

/** Least squares by gradient descent: w ← w − rate·2/n·xᵀ(x·w − t), and how often it ran. */
export const leastSquares = (n: number, d: number, rate: number): Program => {
  const b = new Builder()
  const [x, t] = [b.input("x", [n, d]), b.input("t", [n, 1])]
  const [w, steps] = [b.parameter("w", [d, 1]), b.input("steps", [])]
  const error = b.sub(b.matmul(x, w), t)
  const loss = b.reduceMean(b.mul(error, error), { axes: [0, 1], keepDims: false })
  const gradient = b.scale(b.matmul(x, error, { transposeA: true }), 2 / n)
  const graph = b.build({ loss, w1: b.sub(w, b.scale(gradient, rate)), steps1: b.shift(steps, 1) })
  return { graph, state: { w: "w1", steps: "steps1" } }
}
