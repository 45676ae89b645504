/** Points, in pixels: plain arithmetic that pages need too. */

export interface Point {
  readonly x: number
  readonly y: number
}

/** As segment-anything's apply_coords: times new size over old, each axis by itself. */
export const scalePoint = (
  { x, y }: Point,
  from: { readonly width: number; readonly height: number },
  to: { readonly width: number; readonly height: number },
): Point => ({ x: x * (to.width / from.width), y: y * (to.height / from.height) })
