/** Which part of the image the canvas shows. */
export interface Size {
  readonly width: number
  readonly height: number
}
export interface At {
  readonly x: number
  readonly y: number
}
/** 1: all of it. `x` and `y`: the image's pixel in the upper left corner. */
export interface View extends At {
  readonly zoom: number
}
export const whole: View = { zoom: 1, x: 0, y: 0 }
const most = 32

const within = ({ zoom, x, y }: View, { width, height }: Size): View => ({
  zoom,
  x: Math.min(width - width / zoom, Math.max(0, x)),
  y: Math.min(height - height / zoom, Math.max(0, y)),
})

/** Zoomed by a factor, so that the image's pixel `at` stays where it is. */
export const zoomed = (view: View, factor: number, at: At, size: Size): View => {
  const zoom = Math.min(most, Math.max(1, view.zoom * factor))
  const share = view.zoom / zoom
  return within({ zoom, x: at.x - (at.x - view.x) * share, y: at.y - (at.y - view.y) * share }, size)
}
/** Moved by so many of the image's pixels. */
export const moved = (view: View, dx: number, dy: number, size: Size): View =>
  within({ ...view, x: view.x + dx, y: view.y + dy }, size)

/** The image's place, with fractions, under a place of the canvas, 0…1 from its upper left corner. */
export const placeAt = (view: View, share: At, { width, height }: Size): At => ({
  x: view.x + (share.x * width) / view.zoom,
  y: view.y + (share.y * height) / view.zoom,
})
