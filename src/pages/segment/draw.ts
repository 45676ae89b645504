/** The canvas: the part of image and masks that is in view, and what was asked. */
import type { Question } from "../../runtime/browser/question.ts"
import type { Found } from "./regions.ts"
import type { Stroke } from "./strokes.ts"
import type { At, Size, View } from "./view.ts"

export interface Scene {
  readonly size: Size
  readonly view: View
  readonly image: OffscreenCanvas
  readonly masks: OffscreenCanvas | undefined
  /** The mask under the pointer. */
  readonly glimpse?: OffscreenCanvas | undefined
  readonly found: readonly Found[]
  readonly question: Question
  /** A box that is being dragged. */
  readonly dragged?: NonNullable<Question["box"]> | undefined
  /** A line that is being drawn, in its colour. */
  readonly stroke?: { readonly stroke: Stroke; readonly colour: string } | undefined
  /** Where the keyboard's cross is. */
  readonly cross?: At | undefined
}

export const draw = (canvas: HTMLCanvasElement, scene: Scene): void => {
  const { size, view, image, masks, glimpse, found, question, dragged, stroke, cross } = scene
  const dense = window.devicePixelRatio || 1
  const [wide, high] = [Math.round(canvas.clientWidth * dense), Math.round(canvas.clientHeight * dense)]
  if (wide === 0 || high === 0) return
  if (canvas.width !== wide || canvas.height !== high) Object.assign(canvas, { width: wide, height: high })
  const context = canvas.getContext("2d")
  if (context === null) return
  const scale = (wide / size.width) * view.zoom
  const sx = (x: number) => (x - view.x) * scale
  const sy = (y: number) => (y - view.y) * scale
  context.clearRect(0, 0, wide, high)
  context.imageSmoothingEnabled = scale < 3 * dense
  for (const layer of [image, masks, glimpse])
    if (layer !== undefined) {
      context.globalAlpha = layer === glimpse ? 0.6 : 1
      context.drawImage(layer, view.x, view.y, size.width / view.zoom, size.height / view.zoom, 0, 0, wide, high)
    }
  context.globalAlpha = 1
  const line = (path: () => void, colour: string) => {
    for (const [style, width] of [
      ["#000", 4],
      [colour, 2],
    ] as const) {
      context.beginPath()
      context.strokeStyle = style
      context.lineWidth = width * dense
      path()
      context.stroke()
    }
  }
  if (stroke !== undefined) {
    const { path, radius } = stroke.stroke
    context.beginPath()
    context.lineCap = context.lineJoin = "round"
    context.strokeStyle = stroke.colour
    context.lineWidth = 2 * radius * scale
    context.moveTo(sx((path[0] ?? 0) + 0.5), sy((path[1] ?? 0) + 0.5))
    for (let i = 0; i + 1 < path.length; i += 2)
      context.lineTo(sx((path[i] as number) + 0.5) + 0.01, sy((path[i + 1] as number) + 0.5))
    context.stroke()
  }
  const box = dragged ?? question.box
  if (box !== undefined)
    line(() => context.rect(sx(box[0]), sy(box[1]), (box[2] - box[0]) * scale, (box[3] - box[1]) * scale), "#fff")
  for (const { x, y, inside } of question.points) {
    context.beginPath()
    context.fillStyle = inside ? "#1fd655" : "#ff4f5e"
    context.arc(sx(x + 0.5), sy(y + 0.5), 6 * dense, 0, 2 * Math.PI)
    context.fill()
    context.lineWidth = 2 * dense
    context.strokeStyle = "#fff"
    context.stroke()
  }
  const plus =
    ({ x, y }: At, long: number) =>
    () => {
      const [u, v] = [sx(x + 0.5), sy(y + 0.5)]
      context.moveTo(u - long * dense, v)
      context.lineTo(u + long * dense, v)
      context.moveTo(u, v - long * dense)
      context.lineTo(u, v + long * dense)
    }
  for (const { points } of found) for (const at of points) line(plus(at, 10), "#ffe14d")
  if (cross !== undefined) line(plus(cross, 14), "#fff")
}
