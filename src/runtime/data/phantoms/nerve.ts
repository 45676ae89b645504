/** Round things in tissue: nerves, which are to be found, and vessels, which are not. Lengths are in pixels. */
import type { Random } from "../random.ts"

/** An ellipse whose outline is dented; `at` is 0 in its centre, 1 on its outline. */
export interface Blob {
  readonly x: number
  readonly y: number
  readonly radius: number
  readonly at: (x: number, y: number) => number
}

export const blob = (
  place: {
    readonly x: number
    readonly y: number
    readonly a: number
    readonly b: number
    readonly angle: number
    readonly dents: number
  },
  random: Random,
): Blob => {
  const { x: cx, y: cy, a, b, angle, dents } = place
  const harmonics = [2, 3, 4].map((n) => ({
    n,
    size: (dents * random.between(-1, 1)) / n,
    phase: random.between(0, 2 * Math.PI),
  }))
  const [cos, sin] = [Math.cos(angle), Math.sin(angle)]
  return {
    x: cx,
    y: cy,
    radius: Math.max(a, b),
    at: (x, y) => {
      const u = ((x - cx) * cos + (y - cy) * sin) / a
      const v = ((y - cy) * cos - (x - cx) * sin) / b
      const around = Math.atan2(v, u)
      const outline = harmonics.reduce((r, { n, size, phase }) => r + size * Math.cos(n * around + phase), 1)
      return Math.sqrt(u * u + v * v) / outline
    },
  }
}

/**
 * The honeycomb of a nerve in cross-section: dark fascicles in bright connective tissue, packed as a jittered hexagonal grid. 0 within a
 * fascicle, 1 between them.
 */
export const honeycomb = (spacing: number, random: Random): ((x: number, y: number) => number) => {
  const n = 24 // places along each side of the pattern, which then repeats
  const jitter = Array.from({ length: n * n }, () => ({
    x: random.between(-0.22, 0.22),
    y: random.between(-0.22, 0.22),
    r: random.between(0.3, 0.46),
  }))
  const wrap = (i: number) => ((i % n) + n) % n
  return (x, y) => {
    const row = Math.round(y / spacing / 0.866)
    let between = 1
    for (let j = row - 1; j <= row + 1; j++) {
      const shift = j % 2 === 0 ? 0 : 0.5
      const column = Math.round(x / spacing - shift)
      for (let i = column - 1; i <= column + 1; i++) {
        const place = jitter[wrap(j) * n + wrap(i)]!
        const distance = Math.hypot(x / spacing - (i + shift + place.x), y / spacing - (j + place.y) * 0.866)
        between = Math.min(between, Math.max(0, Math.min(1, (distance - place.r + 0.12) / 0.2)))
      }
    }
    return between
  }
}
