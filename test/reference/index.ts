/** Tensors of other code, by what is kept of them: shapes, norms, and products with directions that formula.py makes alike. */

/** Numbers in −1…1 that only depend on the name. */
export const uniform = (name: string, size: number): Float64Array => {
  let state = 0x811c9dc5
  for (const byte of new TextEncoder().encode(name)) state = Math.imul(state ^ byte, 0x01000193) >>> 0
  return Float64Array.from({ length: size }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return (state + 0.5) / 2 ** 31 - 1
  })
}

export interface Digest {
  readonly shape: readonly number[]
  readonly norm: number
  /** With three pseudo-random directions. */
  readonly products: readonly number[]
}

/** Largest difference of the products, for directions of length about one. */
export const difference = (name: string, data: Float64Array, { products }: Digest): number => {
  const of = (i: number) => uniform(`${name}/${i}`, data.length).reduce((sum, x, at) => sum + x * data[at]!, 0)
  return Math.max(...products.map((product, i) => Math.abs(product - of(i)))) / Math.sqrt(data.length / 3)
}
