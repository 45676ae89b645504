/** float32 as binary16, to the nearest, ties to even: 5 bits of exponent with bias 15, 10 of fraction. */

/** Undefined where a value is beyond ±65504. */
export const halvesOf = (data: Float32Array): Uint16Array | undefined => {
  const bits = new Uint32Array(data.buffer, data.byteOffset, data.length)
  const out = new Uint16Array(data.length)
  for (let i = 0; i < data.length; i++) {
    const x = bits[i]!
    const sign = (x >>> 16) & 0x8000
    const size = x & 0x7fffffff
    // 65520 is where rounding goes to infinity.
    if (size >= 0x477ff000) return undefined
    // Below 2⁻¹⁴ the fraction is in steps of 2⁻²⁴.
    if (size < 0x38800000) out[i] = sign | evenly(Math.abs(data[i]!) * 2 ** 24)
    else out[i] = sign | ((size - 0x38000000 + 0xfff + ((size >>> 13) & 1)) >>> 13)
  }
  return out
}
const evenly = (x: number): number => {
  const down = Math.floor(x)
  const rest = x - down
  return rest > 0.5 || (rest === 0.5 && down % 2 === 1) ? down + 1 : down
}
