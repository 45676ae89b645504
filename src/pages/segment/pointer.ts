/** Mouse, touch and keys on the image become points and boxes, in its pixels. */
type Box = readonly [number, number, number, number]
interface At {
  readonly x: number
  readonly y: number
}

export interface Gestures {
  /** Whether boxes mean something here. */
  readonly boxes: () => boolean
  readonly point: (at: At, outside: boolean) => void
  readonly box: (box: Box) => void
  /** A box in the making; undefined where there is none any more. */
  readonly dragged: (box: Box | undefined) => void
  /** Where the keyboard's cross is; undefined where the canvas has no focus. */
  readonly cross: (at: At | undefined) => void
}

/** A drag is at least this long, in pixels of the screen: a hand that trembles still clicks. */
const shortest = 6
const steps: Readonly<Record<string, readonly [number, number]>> = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
}

export const listen = (canvas: HTMLCanvasElement, gestures: Gestures): void => {
  const within = (value: number, extent: number) => Math.min(extent - 1, Math.max(0, Math.floor(value)))
  const placeOf = ({ clientX, clientY }: MouseEvent): At => {
    const { left, top, width, height } = canvas.getBoundingClientRect()
    return {
      x: within(((clientX - left) * canvas.width) / width, canvas.width),
      y: within(((clientY - top) * canvas.height) / height, canvas.height),
    }
  }
  let from: { readonly at: At; readonly event: PointerEvent } | undefined
  let cross: At | undefined
  const boxTo = (a: At, b: At): Box => [Math.min(a.x, b.x), Math.min(a.y, b.y), Math.max(a.x, b.x), Math.max(a.y, b.y)]
  const far = (event: PointerEvent): boolean =>
    from !== undefined && Math.hypot(event.clientX - from.event.clientX, event.clientY - from.event.clientY) >= shortest
  const stop = () => {
    from = undefined
    gestures.dragged(undefined)
  }

  canvas.addEventListener("pointerdown", (event) => {
    if (!event.isPrimary) return stop()
    from = { at: placeOf(event), event }
    if (gestures.boxes()) canvas.setPointerCapture(event.pointerId)
  })
  canvas.addEventListener("pointermove", (event) => {
    if (from !== undefined && gestures.boxes() && far(event)) gestures.dragged(boxTo(from.at, placeOf(event)))
  })
  canvas.addEventListener("pointercancel", stop)
  canvas.addEventListener("pointerup", (event) => {
    if (from === undefined) return
    const [start, end, long] = [from.at, placeOf(event), far(event)]
    stop()
    if (long && gestures.boxes()) gestures.box(boxTo(start, end))
    else if (!long) gestures.point(start, event.shiftKey || event.button === 2)
  })
  canvas.addEventListener("contextmenu", (event) => event.preventDefault())
  canvas.addEventListener("keydown", (event) => {
    const step = steps[event.key]
    const at = cross ?? { x: Math.floor(canvas.width / 2), y: Math.floor(canvas.height / 2) }
    if (step !== undefined) {
      const far = event.shiftKey ? Math.max(1, Math.round(Math.max(canvas.width, canvas.height) / 20)) : 1
      cross = { x: within(at.x + step[0] * far, canvas.width), y: within(at.y + step[1] * far, canvas.height) }
      gestures.cross(cross)
    } else if (event.key === "Enter" || event.key === " ") gestures.point(at, event.shiftKey)
    else return
    event.preventDefault()
  })
  canvas.addEventListener("blur", () => gestures.cross(undefined))
}
