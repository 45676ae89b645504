/** Pixels in memory, row by row. */

/** Values 0…255. One channel is grey; three are red, green, blue, interleaved. */
export interface Raster {
  readonly width: number
  readonly height: number
  readonly channels: 1 | 3
  readonly data: Uint8Array
}

/** 1 is inside, 0 outside. */
export interface Mask {
  readonly width: number
  readonly height: number
  readonly data: Uint8Array
}

export const emptyMask = (width: number, height: number): Mask => ({
  width,
  height,
  data: new Uint8Array(width * height),
})

/** Pixels inside. */
export const area = ({ data }: Mask): number => {
  let n = 0
  for (let i = 0; i < data.length; i++) n += data[i]!
  return n
}

/** The greatest value. */
export const brightest = ({ data }: Raster): number => {
  let most = 0
  for (let i = 0; i < data.length; i++) if (data[i]! > most) most = data[i]!
  return most
}

/** Inside any of them; all of one size. */
export const union = (masks: readonly [Mask, ...Mask[]]): Mask => {
  const [{ width, height }] = masks
  const out = emptyMask(width, height)
  for (const { data } of masks) for (let i = 0; i < data.length; i++) out.data[i]! |= data[i]!
  return out
}

/** "580 × 420" */
export const sizeOf = ({ width, height }: { readonly width: number; readonly height: number }): string =>
  `${width} × ${height}`
