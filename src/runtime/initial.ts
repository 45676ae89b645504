/**
 * Initial values that every target draws alike, bit for bit: a function of seed, tensor name and index, with no state, so that tensors can be
 * filled in any order and in parallel. 32-bit arithmetic only: this file, NumPy (the PyTorch target) and WGSL can all do it.
 *
 *     key      = mix(fnv1a(name) + mix(seed))
 *     bits(i)  = mix(mix(i ⊕ key) + mix(key ⊕ 9e3779b9))     two keyed rounds: one would give shifted copies of one stream
 *     u(i)     = bits(i) >> 8, over 2²⁴                       exact in float32 and float64
 *     uniform  = (2 u(i) − 1) · bound
 *     normal   = (u(12 i) + … + u(12 i + 11) − 6) · std       a sum of uniforms: no logarithm whose last bit is the platform's
 *
 * Sums and products are in float64, and each value is rounded once, to float32.
 */
import { numbersOf } from "../dsl/formulas.ts"
import type { BufferData } from "../dsl/layer.ts"
import type { TensorData } from "../dsl/tensors.ts"

type Init = BufferData["init"]

/** A bijection of 32-bit numbers in which every bit of x moves half of the result's ("lowbias32", found by search; C. Wellons). */
const mix = (x: number): number => {
  let y = x ^ (x >>> 16)
  y = Math.imul(y, 0x21f0aaad)
  y ^= y >>> 15
  y = Math.imul(y, 0xd35a2d97)
  return (y ^ (y >>> 15)) | 0
}

/** FNV-1a of the UTF-8 bytes, 32 bits. */
const fnv1a = (text: string): number =>
  new TextEncoder().encode(text).reduce((hash, byte) => Math.imul(hash ^ byte, 0x01000193), 0x811c9dc5 | 0)

const elements = (shape: readonly number[]): number => shape.reduce((n, extent) => n * extent, 1)

const uniforms = (out: Float32Array, key: number, bound: number): Float32Array => {
  const second = mix(key ^ 0x9e3779b9)
  for (let i = 0; i < out.length; i++) out[i] = (2 * ((mix(mix(i ^ key) + second) >>> 8) / 16777216) - 1) * bound
  return out
}

const normals = (out: Float32Array, key: number, std: number): Float32Array => {
  const second = mix(key ^ 0x9e3779b9)
  for (let i = 0; i < out.length; i++) {
    let sum = 0
    for (let j = 12 * i; j < 12 * i + 12; j++) sum += (mix(mix(j ^ key) + second) >>> 8) / 16777216
    out[i] = (sum - 6) * std
  }
  return out
}

/** Fills `out`, the values of a tensor of this name in row-major order. Listed values repeat if there are fewer. */
export const fillInitial = (out: Float32Array, name: string, init: Init, seed: number): Float32Array => {
  if ("fill" in init) return out.fill(init.fill)
  if ("values" in init || "formula" in init) {
    const values = "formula" in init ? numbersOf(init) : init.values
    for (let i = 0; i < out.length; i++) out[i] = values[i % values.length]!
    return out
  }
  const key = mix(fnv1a(name) + mix(seed))
  return "uniform" in init ? uniforms(out, key, init.uniform) : normals(out, key, init.normal)
}

/** The tensor's values before any training, and without any checkpoint. The seed is a whole number; its lower 32 bits count. */
export const initialValues = (
  { name, shape, init }: Pick<TensorData, "name" | "shape" | "init">,
  seed: number,
): Float32Array => fillInitial(new Float32Array(elements(shape)), name, init, seed)
