/**
 * One phantom: tissue as a map of echogenicity, speckle as the magnitude of a filtered complex Gaussian field (fully developed speckle is
 * Rayleigh distributed), then attenuation, gain and log compression, as a scanner does it. No patient was ever near it.
 */
import { type Random, stream } from "../random.ts"
import type { Mask, Raster } from "../raster.ts"
import { blur, type Grid, grid, smoothNoise, wavyLine } from "./grid.ts"
import { type Blob, blob, honeycomb } from "./nerve.ts"

/** What is the same in all images of a subject: the body and the scanner's settings. */
interface Subject {
  readonly fat: number
  readonly fascia: number
  readonly muscle: number
  readonly gain: number
  readonly attenuation: number
  readonly range: number
  readonly grain: number
  readonly nerve: number
  readonly fibres: number
}

const subjectOf = (seed: number, subject: number): Subject => {
  const random = stream(seed, "phantom subject", subject)
  return {
    fat: random.between(0.09, 0.15),
    fascia: random.between(0.35, 0.6),
    muscle: random.between(0.05, 0.09),
    gain: random.between(-3, 4),
    attenuation: random.between(6, 16),
    range: random.between(54, 64),
    grain: random.between(0.85, 1.2),
    nerve: random.between(0.85, 1.2),
    fibres: random.between(-0.5, 0.5),
  }
}

export interface Phantom {
  readonly image: Raster
  readonly mask: Mask
}

/** Apart from one another, and in the middle of the image. */
const place = (
  count: number,
  width: number,
  height: number,
  taken: readonly Blob[],
  random: Random,
  shape: () => { readonly a: number; readonly b: number },
): readonly Blob[] => {
  const placed: Blob[] = []
  for (let tries = 0; placed.length < count && tries < 40; tries++) {
    const { a, b } = shape()
    const [x, y] = [random.between(0.14, 0.86) * width, random.between(0.3, 0.8) * height]
    const candidate = blob({ x, y, a, b, angle: random.between(-0.5, 0.5), dents: 0.1 }, random)
    const free = [...taken, ...placed].every(
      (other) => Math.hypot(other.x - x, other.y - y) > 1.05 * (other.radius + candidate.radius),
    )
    if (free) placed.push(candidate)
  }
  return placed
}

/** Depends on nothing but its arguments. `width` by three quarters of it in height. */
export const phantom = ({
  width,
  seed,
  subject,
  index,
}: {
  readonly width: number
  readonly seed: number
  readonly subject: number
  readonly index: number
}): Phantom => {
  const height = Math.round(0.75 * width)
  const body = subjectOf(seed, subject)
  const random = stream(seed, "phantom", subject, index)
  const nerves = place(1, width, height, [], random, () => {
    const a = random.between(0.075, 0.14) * width * body.nerve
    return { a, b: a * random.between(0.5, 0.85) }
  })
  const vessels = place(1 + random.below(3), width, height, nerves, random, () => {
    const a = random.between(0.03, 0.085) * width
    return { a, b: a * random.between(0.7, 1) }
  })
  const tissue = echogenicity(width, height, body, nerves, vessels, random)
  const bones = boneOf(width, height, random)
  const image = scan(withBone(tissue, bones), transmission(width, height, body, vessels, bones), body, random)
  const [nerve] = nerves
  return {
    image,
    mask: {
      width,
      height,
      data: Uint8Array.from(grid(width, height, (x, y) => (nerve !== undefined && nerve.at(x, y) <= 1 ? 1 : 0)).data),
    },
  }
}

/** How strongly each place scatters, relative amplitude 0…1. */
const echogenicity = (
  width: number,
  height: number,
  body: Subject,
  nerves: readonly Blob[],
  vessels: readonly Blob[],
  random: Random,
): Grid => {
  const unit = width / 128
  const skin = wavyLine(width, 0.045 * height, 0.006 * height, random)
  const fascias = [0.2, 0.43, 0.74].map((depth) => ({
    line: wavyLine(width, (depth + random.between(-0.07, 0.07)) * height, 0.08 * height, random),
    thickness: random.between(0.6, 1.3) * unit,
    strength: body.fascia * random.between(0.6, 1),
    // Bright only where the beam meets them squarely: they come and go along their way.
    along: smoothNoise(width, 1, 9 * unit, 0.4, random),
  }))
  const septa = smoothNoise(width, height, 9 * unit, 0.7 * unit, random)
  const streaks = smoothNoise(width, height, 7 * unit, 0.6 * unit, random)
  const clouds = smoothNoise(width, height, 12 * unit, 7 * unit, random)
  const cells = honeycomb(random.between(4.2, 5.6) * unit * body.nerve, random)
  const connective = body.fascia * random.between(0.45, 0.75)
  return grid(width, height, (x, y) => {
    if (y < skin(x)) return 0.5
    let wall = 0
    for (const vessel of vessels) {
      const r = vessel.at(x, y)
      if (r < 0.92) return 0.008
      if (r < 1.1) wall = 0.12
    }
    for (const nerve of nerves) {
      const r = nerve.at(x, y)
      // A bright sheath, then connective tissue around dark fascicles.
      if (r <= 1) return r > 0.88 ? connective : 0.04 + connective * cells(x - nerve.x, y - nerve.y)
    }
    const layer = fascias.filter(({ line }) => y > line(x)).length
    // Muscle fibres run at an angle: the streaks' rows are sheared.
    const row = Math.min(height - 1, Math.max(0, Math.round(y - body.fibres * (x - width / 2) * 0.4)))
    const cloud = 1 + 0.3 * clouds.data[y * width + x]!
    const strands = layer === 0 ? septa.data[y * width + x]! : streaks.data[row * width + x]!
    const base =
      Math.max(0.02, (layer === 0 ? body.fat : body.muscle) * cloud) +
      Math.max(0, strands - 1.1) * (layer === 0 ? 0.3 : 0.14)
    const bright = fascias.reduce((sum, { line, thickness, strength, along }) => {
      const squarely = Math.max(0.15, 0.7 + 0.45 * along.data[x]!)
      return sum + strength * squarely * Math.exp(-(((y - line(x)) / thickness) ** 2))
    }, 0)
    return base + wall + bright
  })
}

/** How far a place lies below a bone's surface; negative above it or where there is none. */
type Bone = (x: number, y: number) => number

const boneOf = (width: number, height: number, random: Random): Bone => {
  const present = random.uniform() < 0.45
  const centre = random.between(0.1, 0.9) * width
  const half = random.between(0.1, 0.22) * width
  const top = random.between(0.82, 0.93) * height
  return (x, y) => (present && Math.abs(x - centre) < half ? y - top - 0.1 * height * ((x - centre) / half) ** 2 : -1)
}

/** The surface of bone throws all back. */
const withBone = ({ width, height, data }: Grid, bone: Bone): Grid =>
  grid(width, height, (x, y) => {
    const below = bone(x, y)
    return below >= 0 && below < 0.012 * height + 1 ? 0.9 : data[y * width + x]!
  })

/** What of the sound comes back from each place, in decibels: depth costs, fluid spares, and behind bone there is next to nothing. */
const transmission = (width: number, height: number, body: Subject, vessels: readonly Blob[], bone: Bone): Grid =>
  blur(
    grid(width, height, (x, y) => {
      let decibels = -body.attenuation * (y / height)
      for (const vessel of vessels)
        if (y > vessel.y && vessel.at(x, y) > 1)
          decibels += 5 * Math.max(0, 1 - (Math.abs(x - vessel.x) / (0.9 * vessel.radius)) ** 2)
      return decibels - (bone(x, y) > 0.012 * height + 1 ? 26 : 0)
    }),
    0.8,
    0.8,
  )

/** Looks from several angles that a scanner averages: less speckle. */
const looks = 3

/** Speckle, gain, log compression and the display's curve, to 8 bits. */
const scan = ({ width, height, data }: Grid, decibels: Grid, body: Subject, random: Random): Raster => {
  const grain = (width / 128) ** 0.6 * body.grain
  const field = () =>
    blur(
      grid(width, height, (x, y) => random.normal() * data[y * width + x]!),
      0.95 * grain,
      0.55 * grain,
    )
  const power = 1 / (4 * Math.PI * 0.95 * 0.55 * grain * grain) // what the blur leaves of unit noise
  const amplitude = new Float64Array(width * height)
  for (let look = 0; look < looks; look++) {
    const [real, imaginary] = [field(), field()]
    for (let i = 0; i < amplitude.length; i++)
      amplitude[i]! += Math.hypot(real.data[i]!, imaginary.data[i]!) / (looks * Math.sqrt(2 * power))
  }
  const out = Uint8Array.from(amplitude, (value, i) => {
    const level = 20 * Math.log10(value + 1e-4) + decibels.data[i]! + body.gain
    return Math.round(255 * Math.max(0, Math.min(1, 1 + level / body.range)) ** 1.7)
  })
  return { width, height, channels: 1, data: out }
}
