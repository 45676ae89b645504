/** Matrix products: every broadcast of leading axes becomes one batched product of rank 3. */
import { type Shape, sizeOf } from "../../../compiler/ir/graph.ts"
import type { Kernels, Value } from "../kernels.ts"
import { broadcastShape } from "./axes.ts"
import { broadcastTo, reshape, sameShape, swapLast } from "./basic.ts"

/** The same values, but not the same data. */
const copied = (k: Kernels, x: Value): Value =>
  k.run("Slice", { x }, { begin: x.shape.map(() => 0), size: [...x.shape] })
/**
 * wasm keeps an operator for the right operand of a product, packed for its shape, under the number of its data, which views share: a
 * second shape would be multiplied as the first one. A copy has a number of its own.
 */
const rightOperand = (k: Kernels, x: Value): Value =>
  k.engine === "wasm" && !sameShape(k.firstSeen(x), x.shape) ? copied(k, x) : x
/** wasm wants a bias of one axis, and looks at the shape in which the data was made. */
const biasOperand = (k: Kernels, x: Value): Value =>
  k.engine === "wasm" && k.madeAs(x).length !== 1 ? copied(k, x) : x

const batched = (k: Kernels, a: Value, b: Value, transposeA: boolean, transposeB: boolean): Value => {
  // wasm's transposed products are about 15 times slower than a transposition and a product.
  const [left, ta] = transposeA && k.engine === "wasm" ? [swapLast(k, a), false] : [a, transposeA]
  const [right, tb] = transposeB && k.engine === "wasm" ? [swapLast(k, b), false] : [b, transposeB]
  return k.run("BatchMatMul", { a: left, b: rightOperand(k, right) }, { transposeA: ta, transposeB: tb })
}

/** [..., m, k] × [..., k, n], either transposed; leading axes broadcast. */
export const matmul = (k: Kernels, a: Value, b: Value, transposeA = false, transposeB = false): Value => {
  const lead = (shape: Shape) => shape.slice(0, -2)
  const [m, inner] = transposeA ? [a.shape.at(-1)!, a.shape.at(-2)!] : [a.shape.at(-2)!, a.shape.at(-1)!]
  const n = b.shape.at(transposeB ? -2 : -1)!
  const leading = broadcastShape(lead(a.shape), lead(b.shape))
  const out = [...leading, m, n]
  if (sizeOf(lead(b.shape)) === 1 && !transposeA) {
    // One right matrix for all: the rows of every batch are rows of one product.
    const rows = reshape(k, a, [1, sizeOf(lead(a.shape)) * m, inner])
    return reshape(k, batched(k, rows, reshape(k, b, [1, ...b.shape.slice(-2)]), false, transposeB), out)
  }
  const spreadTo = (x: Value) => {
    const whole = sameShape(lead(x.shape), leading) ? x : broadcastTo(k, x, [...leading, ...x.shape.slice(-2)])
    return reshape(k, whole, [sizeOf(leading), ...x.shape.slice(-2)])
  }
  return reshape(k, batched(k, spreadTo(a), spreadTo(b), transposeA, transposeB), out)
}

export type Activation = "linear" | "relu"
/** activation(x·weightᵀ + bias): x [..., in], weight [out, in], bias [out]. */
export const linear = (k: Kernels, x: Value, weight: Value, bias?: Value, activation: Activation = "linear"): Value => {
  const [out, inner] = weight.shape as [number, number]
  const rows = reshape(k, x, [1, sizeOf(x.shape.slice(0, -1)), inner])
  const matrix = reshape(k, weight, [1, out, inner])
  const fast = rightOperand(k, k.engine === "wasm" ? swapLast(k, matrix) : matrix)
  const y = k.run(
    "_FusedMatMul",
    { a: rows, b: fast, ...(bias ? { bias: biasOperand(k, bias) } : {}) },
    { transposeA: false, transposeB: k.engine !== "wasm", activation, leakyreluAlpha: 0 },
  )
  return reshape(k, y, [...x.shape.slice(0, -1), out])
}
