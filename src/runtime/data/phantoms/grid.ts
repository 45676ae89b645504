/** Fields of numbers on the pixels of a phantom. */
import type { Random } from "../random.ts"

export interface Grid {
  readonly width: number
  readonly height: number
  readonly data: Float64Array
}

export const grid = (width: number, height: number, value: (x: number, y: number) => number): Grid => {
  const data = new Float64Array(width * height)
  for (let y = 0; y < height; y++) for (let x = 0; x < width; x++) data[y * width + x] = value(x, y)
  return { width, height, data }
}

const kernel = (sigma: number): Float64Array => {
  const radius = Math.ceil(3 * sigma)
  const weights = Float64Array.from({ length: 2 * radius + 1 }, (_, i) => Math.exp(-(((i - radius) / sigma) ** 2) / 2))
  const sum = weights.reduce((a, b) => a + b, 0)
  return weights.map((w) => w / sum)
}

/** Weighted sums of `n` neighbours, from each place of which `step` apart as many terms are taken; four at a time, which need no memory in between. */
const sums = (
  weights: Float64Array,
  values: Float64Array,
  from: number,
  step: number,
  out: Float64Array,
  to: number,
  n: number,
): void => {
  const terms = weights.length
  for (let x = 0; x < n; x += 4) {
    let [a, b, c, d] = [0, 0, 0, 0]
    for (let k = 0, at = from + x; k < terms; k++, at += step) {
      const weight = weights[k]!
      a += weight * values[at]!
      b += weight * values[at + 1]!
      c += weight * values[at + 2]!
      d += weight * values[at + 3]!
    }
    out[to + x] = a
    if (x + 1 < n) out[to + x + 1] = b
    if (x + 2 < n) out[to + x + 2] = c
    if (x + 3 < n) out[to + x + 3] = d
  }
}

/** What kernels give where they lie within the field: it loses their reach on every side. Terms are added in the kernel's order, so that all machines agree. */
const within = ({ width, height, data }: Grid, across: Float64Array, down: Float64Array): Grid => {
  const [wide, high] = [width - across.length + 1, height - down.length + 1]
  const middle = new Float64Array(wide * height)
  for (let y = 0; y < height; y++) sums(across, data, y * width, 1, middle, y * wide, wide)
  const out = new Float64Array(wide * high)
  for (let y = 0; y < high; y++) sums(down, middle, y * wide, wide, out, y * wide, wide)
  return { width: wide, height: high, data: out }
}

/** Gaussian, with a width for each axis; the edge repeats. */
export const blur = ({ width, height, data }: Grid, sigmaX: number, sigmaY: number): Grid => {
  const [across, down] = [kernel(sigmaX), kernel(sigmaY)]
  const [rx, ry] = [(across.length - 1) / 2, (down.length - 1) / 2]
  const inside = (at: number, size: number): number => Math.min(size - 1, Math.max(0, at))
  const wider = grid(
    width + 2 * rx,
    height + 2 * ry,
    (x, y) => data[inside(y - ry, height) * width + inside(x - rx, width)]!,
  )
  return within(wider, across, down)
}

/** Smooth noise of unit deviation everywhere: what tissue is like, at a scale of sigma pixels. */
export const smoothNoise = (width: number, height: number, sigmaX: number, sigmaY: number, random: Random): Grid => {
  const [across, down] = [kernel(sigmaX), kernel(sigmaY)]
  const noise = grid(width + across.length - 1, height + down.length - 1, () => random.normal())
  const { data } = within(noise, across, down)
  const scale = 2 * Math.sqrt(Math.PI * sigmaX * sigmaY)
  return { width, height, data: data.map((value) => scale * value) }
}

/** A line that wanders from left to right: a mean depth, a slope, and a few waves. */
export const wavyLine = (width: number, depth: number, wander: number, random: Random): ((x: number) => number) => {
  const slope = random.between(-1, 1) * wander
  const waves = [0.7, 1.5, 3].map((cycles) => ({
    cycles: cycles * random.between(0.6, 1.2),
    height: (wander * random.between(-0.7, 0.7)) / (cycles + 0.5),
    phase: random.between(0, 2 * Math.PI),
  }))
  return (x) =>
    waves.reduce(
      (y, { cycles, height, phase }) => y + height * Math.sin((2 * Math.PI * cycles * x) / width + phase),
      depth + slope * (x / width - 0.5),
    )
}
