/**
 * Exact Euclidean distances to the nearest marked pixel, in time linear in the pixels: lower envelopes of parabolas, down the columns and then
 * along the rows (Felzenszwalb and Huttenlocher, "Distance Transforms of Sampled Functions", 2012).
 */

const infinity = Number.POSITIVE_INFINITY

/** out[q] = min over p of (step·(q − p))² + f[p], for places q of one line. */
const lowerEnvelope = (
  f: Float64Array,
  n: number,
  step: number,
  out: Float64Array,
  v: Int32Array,
  z: Float64Array,
): void => {
  const square = step * step
  let k = -1
  for (let q = 0; q < n; q++) {
    const height = f[q]!
    if (height === infinity) continue
    // Where the parabola at q goes below the one at v[k]; those that it covers wholly are dropped.
    let cross = -infinity
    while (k >= 0) {
      const p = v[k]!
      cross = ((height - f[p]!) / square + q * q - p * p) / (2 * (q - p))
      if (cross > z[k]!) break
      k--
      cross = -infinity
    }
    k++
    v[k] = q
    z[k] = cross
  }
  const last = k
  if (last < 0) {
    out.fill(infinity, 0, n)
    return
  }
  k = 0
  for (let q = 0; q < n; q++) {
    while (k < last && z[k + 1]! < q) k++
    const p = v[k]!
    const d = step * (q - p)
    out[q] = d * d + f[p]!
  }
}

export interface Spacing {
  readonly x: number
  readonly y: number
}

/** Squared distances from each pixel to the nearest one with `marked` = 1; infinity where none is marked. */
export const squaredDistances = (
  { width, height, data }: { readonly width: number; readonly height: number; readonly data: Uint8Array },
  spacing: Spacing = { x: 1, y: 1 },
): Float64Array => {
  const out = new Float64Array(width * height)
  const n = Math.max(width, height)
  const [line, result, z] = [new Float64Array(n), new Float64Array(n), new Float64Array(n)]
  const v = new Int32Array(n)
  for (let x = 0; x < width; x++) {
    for (let y = 0; y < height; y++) line[y] = data[y * width + x] === 1 ? 0 : infinity
    lowerEnvelope(line, height, spacing.y, result, v, z)
    for (let y = 0; y < height; y++) out[y * width + x] = result[y]!
  }
  for (let y = 0; y < height; y++) {
    line.set(out.subarray(y * width, (y + 1) * width))
    lowerEnvelope(line, width, spacing.x, result, v, z)
    out.set(result.subarray(0, width), y * width)
  }
  return out
}
