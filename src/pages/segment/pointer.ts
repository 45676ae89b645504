/** Mouse, touch, wheel and keys on the image become points, boxes, lines and another view, in its pixels. */
import { type At, moved, placeAt, type Size, type View, whole, zoomed } from "./view.ts"

type Box = readonly [number, number, number, number]
/** What a drag does. */
export type Tool = "ask" | "draw" | "erase" | "move"

export interface Gestures {
  readonly size: () => Size
  readonly view: () => View
  readonly look: (view: View) => void
  readonly tool: () => Tool
  /** Whether boxes mean something here. */
  readonly boxes: () => boolean
  readonly point: (at: At, outside: boolean) => void
  readonly box: (box: Box) => void
  /** A box in the making; undefined where there is none any more. */
  readonly dragged: (box: Box | undefined) => void
  /** A line in the making, and one that is done; undefined where it was given up. */
  readonly line: (path: readonly number[] | undefined, done: boolean) => void
  /** Where the keyboard's cross is; undefined where the canvas has no focus. */
  readonly cross: (at: At | undefined) => void
  /** A pointer that can hover is there, with a button down or not; undefined where it has left. */
  readonly over: (at: At | undefined, pressed: boolean) => void
}

/** A drag is at least this long, in pixels of the screen: a hand that trembles still clicks. */
const shortest = 6
const steps: Readonly<Record<string, readonly [number, number]>> = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
}
const boxTo = (a: At, b: At): Box => [Math.min(a.x, b.x), Math.min(a.y, b.y), Math.max(a.x, b.x), Math.max(a.y, b.y)]

/** Fingers and buttons that are down, and what the first began. */
interface Begun {
  readonly tool: Tool
  readonly at: At
  readonly event: PointerEvent
  readonly view: View
  readonly path: number[]
}

export const listen = (canvas: HTMLCanvasElement, gestures: Gestures): void => {
  const shareOf = ({ clientX, clientY }: MouseEvent): At => {
    const { left, top, width, height } = canvas.getBoundingClientRect()
    return { x: (clientX - left) / width, y: (clientY - top) / height }
  }
  const within = (value: number, extent: number) => Math.min(extent - 1, Math.max(0, Math.floor(value)))
  const exactly = (event: MouseEvent): At => placeAt(gestures.view(), shareOf(event), gestures.size())
  const pixel = (event: MouseEvent): At => {
    const { x, y } = exactly(event)
    return { x: within(x, gestures.size().width), y: within(y, gestures.size().height) }
  }
  const fingers = new Map<number, PointerEvent>()
  let begun: Begun | undefined
  let cross: At | undefined

  const far = (event: PointerEvent): boolean =>
    begun !== undefined &&
    Math.hypot(event.clientX - begun.event.clientX, event.clientY - begun.event.clientY) >= shortest
  const stop = () => {
    if (begun?.tool === "draw" || begun?.tool === "erase") gestures.line(undefined, false)
    begun = undefined
    gestures.dragged(undefined)
  }
  const toolFor = (event: PointerEvent): Tool => (event.button === 1 ? "move" : gestures.tool())

  /** Two fingers: the place between them stays between them. */
  const pinch = (event: PointerEvent): void => {
    const before = [...fingers.values()]
    fingers.set(event.pointerId, event)
    const after = [...fingers.values()]
    const [a, b, c, d] = [before[0], before[1], after[0], after[1]]
    if (a === undefined || b === undefined || c === undefined || d === undefined) return
    const middle = (p: PointerEvent, q: PointerEvent) =>
      ({ clientX: (p.clientX + q.clientX) / 2, clientY: (p.clientY + q.clientY) / 2 }) as MouseEvent
    const apart = (p: PointerEvent, q: PointerEvent) => Math.hypot(p.clientX - q.clientX, p.clientY - q.clientY)
    const [from, size] = [exactly(middle(a, b)), gestures.size()]
    gestures.look(zoomed(gestures.view(), apart(c, d) / Math.max(1, apart(a, b)), from, size))
    const to = exactly(middle(c, d))
    gestures.look(moved(gestures.view(), from.x - to.x, from.y - to.y, size))
  }

  canvas.addEventListener("pointerdown", (event) => {
    gestures.over(undefined, true)
    fingers.set(event.pointerId, event)
    canvas.setPointerCapture(event.pointerId)
    if (fingers.size > 1) return stop()
    const tool = toolFor(event)
    begun = { tool, at: pixel(event), event, view: gestures.view(), path: [] }
    if (tool === "draw" || tool === "erase") {
      const { x, y } = pixel(event)
      begun.path.push(x, y)
      gestures.line(begun.path, false)
    }
  })
  canvas.addEventListener("pointermove", (event) => {
    if (fingers.size > 1 && fingers.has(event.pointerId)) return pinch(event)
    if (begun === undefined) {
      if (event.pointerType !== "touch") gestures.over(pixel(event), false)
      return
    }
    if (begun.tool === "draw" || begun.tool === "erase") {
      const { x, y } = pixel(event)
      begun.path.push(x, y)
      gestures.line(begun.path, false)
    } else if (begun.tool === "ask" && gestures.boxes()) {
      if (far(event)) gestures.dragged(boxTo(begun.at, pixel(event)))
    } else if (far(event)) {
      const { width } = canvas.getBoundingClientRect()
      const scale = gestures.size().width / width / begun.view.zoom
      const [dx, dy] = [begun.event.clientX - event.clientX, begun.event.clientY - event.clientY]
      gestures.look(moved(begun.view, dx * scale, dy * scale, gestures.size()))
    }
  })
  canvas.addEventListener("pointerleave", () => gestures.over(undefined, false))
  canvas.addEventListener("pointercancel", (event) => {
    fingers.delete(event.pointerId)
    stop()
  })
  canvas.addEventListener("pointerup", (event) => {
    fingers.delete(event.pointerId)
    if (begun === undefined) return
    const { tool, at, path } = begun
    const long = far(event)
    begun = undefined
    gestures.dragged(undefined)
    if (tool === "draw" || tool === "erase") gestures.line(path, true)
    else if (tool === "ask" && long && gestures.boxes()) gestures.box(boxTo(at, pixel(event)))
    else if (tool === "ask" && !long) gestures.point(at, event.shiftKey || event.button === 2)
  })
  canvas.addEventListener("contextmenu", (event) => event.preventDefault())
  canvas.addEventListener(
    "wheel",
    (event) => {
      event.preventDefault()
      gestures.look(zoomed(gestures.view(), 2 ** (-event.deltaY / 300), exactly(event), gestures.size()))
    },
    { passive: false },
  )
  canvas.addEventListener("keydown", (event) => {
    const step = steps[event.key]
    const { width, height } = gestures.size()
    const at = cross ?? { x: Math.floor(width / 2), y: Math.floor(height / 2) }
    const middle = placeAt(gestures.view(), { x: 0.5, y: 0.5 }, gestures.size())
    if (step !== undefined) {
      const stride = event.shiftKey ? Math.max(1, Math.round(Math.max(width, height) / 20)) : 1
      cross = { x: within(at.x + step[0] * stride, width), y: within(at.y + step[1] * stride, height) }
      gestures.cross(cross)
    } else if (event.key === "Enter" || event.key === " ") gestures.point(at, event.shiftKey)
    else if (event.key === "+" || event.key === "=")
      gestures.look(zoomed(gestures.view(), 1.5, cross ?? middle, gestures.size()))
    else if (event.key === "-") gestures.look(zoomed(gestures.view(), 1 / 1.5, cross ?? middle, gestures.size()))
    else if (event.key === "0") gestures.look(whole)
    else return
    event.preventDefault()
  })
  canvas.addEventListener("blur", () => gestures.cross(undefined))
}
