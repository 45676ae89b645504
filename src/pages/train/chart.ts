/** A curve on a canvas: what the training's figures are in a report, drawn again at each step. */
export interface Curve {
  readonly points: readonly { readonly x: number; readonly y: number }[]
  /** Ends of the vertical axis; found out from the points where they are left out. */
  readonly range?: readonly [number, number]
  /** The end of the horizontal axis, with its unit. */
  readonly unit: (last: number) => string
}

const margin = { left: 48, right: 12, top: 10, bottom: 26 }
const spelled = (value: number): string =>
  value !== 0 && (Math.abs(value) >= 1000 || Math.abs(value) < 0.001)
    ? value.toExponential(1)
    : String(Number(value.toPrecision(3)))

/** The least round number that is no less: an axis ends at a number that people read. */
const round = (value: number): number => {
  if (!(value > 0)) return 1
  const power = 10 ** Math.floor(Math.log10(value))
  return power * ([1, 1.5, 2, 2.5, 3, 4, 5, 6, 8].find((step) => step * power >= value) ?? 10)
}

/** Of many points a mean for each column of the canvas: what is seen is what is there. */
const thinned = (points: Curve["points"], most: number): Curve["points"] => {
  if (points.length <= most) return points
  const each = points.length / most
  return Array.from({ length: most }, (_, i) => {
    const some = points.slice(Math.floor(i * each), Math.max(Math.floor(i * each) + 1, Math.floor((i + 1) * each)))
    return {
      x: some.at(-1)?.x ?? 0,
      y: some.reduce((sum, { y }) => sum + y, 0) / some.length,
    }
  })
}

export const chart = (canvas: HTMLCanvasElement, { points, range, unit }: Curve): void => {
  const dense = window.devicePixelRatio || 1
  const [wide, high] = [canvas.clientWidth, canvas.clientHeight]
  if (wide === 0 || high === 0) return
  Object.assign(canvas, { width: Math.round(wide * dense), height: Math.round(high * dense) })
  const context = canvas.getContext("2d")
  if (context === null) return
  const style = getComputedStyle(canvas)
  const colour = (name: string) => style.getPropertyValue(name)
  context.scale(dense, dense)
  context.clearRect(0, 0, wide, high)
  const drawn = thinned(points, Math.max(2, wide - margin.left - margin.right))
  const ys = drawn.map(({ y }) => y)
  const least = Math.min(0, ...ys)
  const [low, top] = range ?? [least < 0 ? -round(-least) : 0, round(Math.max(0, ...ys))]
  const [first, last] = [drawn[0]?.x ?? 0, Math.max(1, drawn.at(-1)?.x ?? 1)]
  // A single point stands in the middle.
  const along = (x: number) => (last > first ? (x - first) / (last - first) : 0.5)
  const sx = (x: number) => margin.left + along(x) * (wide - margin.left - margin.right)
  const sy = (y: number) => high - margin.bottom - ((y - low) / (top - low || 1)) * (high - margin.top - margin.bottom)
  context.font = `12px ${style.fontFamily}`
  context.fillStyle = context.strokeStyle = colour("color")
  context.textBaseline = "middle"
  context.textAlign = "right"
  context.lineWidth = 1
  for (const share of [0, 0.5, 1]) {
    const value = low + share * (top - low)
    context.fillText(spelled(value), margin.left - 6, sy(value))
    context.globalAlpha = 0.25
    context.beginPath()
    context.moveTo(margin.left, sy(value))
    context.lineTo(wide - margin.right, sy(value))
    context.stroke()
    context.globalAlpha = 1
  }
  context.textBaseline = "alphabetic"
  context.fillText(unit(last), wide - margin.right, high - 6)
  context.strokeStyle = context.fillStyle = style.accentColor
  context.lineWidth = 2
  context.lineJoin = "round"
  context.beginPath()
  for (const [i, { x, y }] of drawn.entries()) {
    if (i === 0) context.moveTo(sx(x), sy(y))
    else context.lineTo(sx(x), sy(y))
  }
  context.stroke()
  if (drawn.length <= 40)
    for (const { x, y } of drawn) {
      context.beginPath()
      context.arc(sx(x), sy(y), 2.5, 0, 2 * Math.PI)
      context.fill()
    }
}
