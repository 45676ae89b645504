/**
 * Which numbers make sense, wherever they enter: options of the language's functions and of the commands. Checks, help texts and tests read
 * this table; there is no other.
 */

/** What a number may be. Bounds are meant inclusively, `above` and `below` exclusively. */
export interface Range {
  readonly whole?: true
  readonly least?: number
  readonly above?: number
  readonly most?: number
  readonly below?: number
}

export const whole = (least: number, most: number): Range => ({ whole: true, least, most })

/** NaN, infinities and what is no number are within no range. */
export const isWithin = ({ whole, least, above, most, below }: Range, x: unknown): x is number =>
  typeof x === "number" &&
  Number.isFinite(x) &&
  (whole !== true || Number.isSafeInteger(x)) &&
  (least === undefined || x >= least) &&
  (above === undefined || x > above) &&
  (most === undefined || x <= most) &&
  (below === undefined || x < below)

const spell = (x: number): string =>
  Math.abs(x) >= 1e7 ? x.toExponential().replace("e+", "e") : x.toLocaleString("en-US", { maximumFractionDigits: 20 })

/** "a whole number from 1 to 65,536", "a number above 0, at most 1" */
export const rangeText = ({ whole, least, above, most, below }: Range): string => {
  const noun = whole === true ? "a whole number" : "a number"
  const low = least !== undefined ? `from ${spell(least)}` : above !== undefined ? `above ${spell(above)}` : ""
  const high = most !== undefined ? `${least === undefined ? "at most" : "to"} ${spell(most)}` : ""
  const under = below === undefined ? "" : `below ${spell(below)}`
  const upper = high || under
  const comma = low !== "" && upper !== "" && !upper.startsWith("to ") ? ", " : " "
  return `${noun} ${low}${low === "" || upper === "" ? "" : comma}${upper}`.replace(/\s+/g, " ").trim()
}

/** How a model is trained. */
export const trainingRanges = {
  epochs: whole(1, 1_000_000),
  batch: whole(1, 65_536),
  accumulate: whole(1, 65_536),
  /** As NumPy's. */
  seed: whole(0, 2 ** 32 - 1),
  rate: { above: 0, most: 1e6 },
} as const satisfies Readonly<Record<string, Range>>

/** Side of an image that a model sees, in pixels. */
export const imageSide: Range = whole(1, 16_384)
