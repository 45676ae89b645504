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

/** Gaussian, with a width for each axis; the edge repeats. */
export const blur = ({ width, height, data }: Grid, sigmaX: number, sigmaY: number): Grid => {
  const [across, down] = [kernel(sigmaX), kernel(sigmaY)]
  const [rx, ry] = [(across.length - 1) / 2, (down.length - 1) / 2]
  const middle = new Float64Array(data.length)
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      let sum = 0
      for (let k = -rx; k <= rx; k++) {
        const u = x + k
        sum += across[k + rx]! * data[y * width + (u < 0 ? 0 : u >= width ? width - 1 : u)]!
      }
      middle[y * width + x] = sum
    }
  const out = new Float64Array(data.length)
  for (let y = 0; y < height; y++)
    for (let k = -ry; k <= ry; k++) {
      const v = y + k
      const row = (v < 0 ? 0 : v >= height ? height - 1 : v) * width
      for (let x = 0; x < width; x++) out[y * width + x]! += down[k + ry]! * middle[row + x]!
    }
  return { width, height, data: out }
}

/** Smooth noise of unit deviation everywhere (a margin is cut off): what tissue is like, at a scale of sigma pixels. */
export const smoothNoise = (width: number, height: number, sigmaX: number, sigmaY: number, random: Random): Grid => {
  const [mx, my] = [Math.ceil(3 * sigmaX), Math.ceil(3 * sigmaY)]
  const wide = width + 2 * mx
  const { data } = blur(
    grid(wide, height + 2 * my, () => random.normal()),
    sigmaX,
    sigmaY,
  )
  const scale = 2 * Math.sqrt(Math.PI * sigmaX * sigmaY)
  return grid(width, height, (x, y) => scale * data[(y + my) * wide + x + mx]!)
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
