/**
 * Which numbers make sense, wherever they enter: options of the language's functions and of the commands. Checks, help texts and tests read
 * this table; there is no other.
 */

import { grouped } from "./grouped.ts"
import { timesRatio } from "./ratio.ts"

/** What a number may be. Bounds are meant inclusively, `above` and `below` exclusively. */
export interface Range {
  readonly whole?: true
  readonly least?: number
  readonly above?: number
  readonly most?: number
  readonly below?: number
  readonly multiple?: number
  /** The number of which it is a share: together they make a whole number. */
  readonly shareOf?: number
}

export const whole = (least: number, most: number): Range => ({ whole: true, least, most })

/** NaN, infinities and what is no number are within no range. */
export const isWithin = ({ whole, least, above, most, below, multiple, shareOf }: Range, x: unknown): x is number =>
  typeof x === "number" &&
  Number.isFinite(x) &&
  (whole !== true || Number.isSafeInteger(x)) &&
  (least === undefined || x >= least) &&
  (above === undefined || x > above) &&
  (most === undefined || x <= most) &&
  (below === undefined || x < below) &&
  (multiple === undefined || x % multiple === 0) &&
  (shareOf === undefined || Number.isInteger(timesRatio(shareOf, x)))

/** 1e7 and 1e30 are shorter so; 4,294,967,295 is not. */
const spell = (x: number): string => {
  const short = x.toExponential().replace("e+", "e")
  return Math.abs(x) < 1e7 || (short.length > 6 && Number.isSafeInteger(x)) ? grouped(x) : short
}

/** "a whole number from 1 to 65,536", "a number above 0, at most 1" */
export const rangeText = ({ whole, least, above, most, below, multiple, shareOf }: Range): string => {
  const noun = whole === true ? "a whole number" : "a number"
  const low = least !== undefined ? `from ${spell(least)}` : above !== undefined ? `above ${spell(above)}` : ""
  const high = most !== undefined ? `${least === undefined ? "at most" : "to"} ${spell(most)}` : ""
  const under = below === undefined ? "" : `below ${spell(below)}`
  const upper = high || under
  const comma = low !== "" && upper !== "" && !upper.startsWith("to ") ? ", " : " "
  const steps = multiple === undefined || multiple === 1 ? "" : `, a multiple of ${multiple}`
  const product = shareOf === undefined ? "" : `, whose product with ${grouped(shareOf)} is whole`
  return `${noun} ${low}${low === "" || upper === "" ? "" : comma}${upper}${steps}${product}`
    .replace(/\s+/g, " ")
    .trim()
}

/** How a model is trained. */
export const trainingRanges = {
  epochs: whole(1, 1_000_000),
  batch: whole(1, 65_536),
  accumulate: whole(1, 65_536),
  /** As NumPy's. */
  seed: whole(0, 2 ** 32 - 1),
  rate: { above: 0, most: 1e6 },
  clip: { above: 0, most: 1e6 },
  patience: whole(1, 1_000_000),
  jitter: { above: 0, most: 1 },
} as const satisfies Readonly<Record<string, Range>>

/** Side of an image that a model sees, in pixels. */
export const imageSide: Range = whole(1, 16_384)

/** A list of numbers; pair: one number, or two of them; both: a height and a width; two: two numbers; many: one, or a list. */
export interface Each {
  readonly each: Range
  readonly as?: "pair" | "both" | "two" | "many"
  /** null stands for none. */
  readonly orNull?: true
}
/** What an argument may be: a number in a range, a list of them, or options by name. What is no number is in signatures.ts. */
export type Slot = Range | Each | { readonly options: Readonly<Record<string, Slot>> } | undefined

/** "a whole number from 1 to 4,096, or two of them" */
export const eachText = ({ each, as, orNull }: Each): string => {
  const one = `${rangeText(each)}${orNull === true ? ", or null" : ""}`
  if (as === "pair") return `${one}, or two of them`
  if (as === "both") return `[height, width], each ${one}`
  if (as === "two") return `two numbers, each ${one}`
  return as === "many" ? `${one}, or a list of them` : `a list, each ${one}`
}

/** Widths themselves are HS1021's: here only that they can be counted at all. */
const width: Range = { most: 1e7 }
const count = whole(1, 1e6)
const side = whole(1, 4096)
const pads = whole(0, 4096)
const share: Range = { least: 0, most: 1 }
const eps: Range = { above: 0, most: 1 }
const factor: Range = { least: -1e6, most: 1e6 }
const depth = whole(1, 1000)
const rank: Range = { least: 0.5, most: 1e6 }
const heads = whole(1, 1024)
const ratio: Range = { above: 0, most: 100 }
const axis = whole(-8, 7)
const extent = whole(-1e7, 1e7)
const pair = (each: Range): Each => ({ each, as: "pair" })
const both = (each: Range): Each => ({ each, as: "both" })
const many = (each: Range): Each => ({ each, as: "many" })
const options = (of: Readonly<Record<string, Slot>>): Slot => ({ options: of })
const sides = pair(side)
const sequence = { stride: side, padding: pads, dilation: side, groups: count }
const convolution = { stride: sides, padding: pair(pads), dilation: sides, groups: count }
const init = options({ fill: factor, normal: { least: 0, most: 1e6 }, uniform: { least: 0, most: 1e6 } })
const adamOptions = { rate: trainingRanges.rate, betas: { each: { least: 0, below: 1 }, as: "two" } as const, eps }
const beside = options({ scale: factor })
const image = {
  size: pair(imageSide),
  channels: whole(1, 4096),
  mean: many(factor),
  deviation: many({ above: 0, most: 1e6 }),
  padding: many(factor),
}
const decoder = {
  depth,
  heads: whole(1, 1024),
  mlpWidth: count,
  iouWidth: count,
  iouDepth: whole(1, 100),
  maskTokens: whole(1, 1000),
}
const encoder = {
  imageSize: imageSide,
  patchSize: whole(1, 1024),
  width: count,
  depth,
  heads: whole(1, 1024),
  windowSize: whole(0, 1024),
  globalBlocks: { each: whole(0, 999) },
  mlpRatio: { above: 0, most: 100 },
  outChannels: count,
}
const samOptions = options({ ...encoder, maskChannels: count, decoder: options(decoder) })

/** An argument, as it is called, or an option of one by its name, and what another number lets it be. */
export interface Relation {
  readonly argument: number
  readonly called: string
  readonly isOption: boolean
  readonly range: Range
}
const isCount = (x: unknown): x is number => isWithin(whole(1, 1e6), x)
const multipleOf = (argument: number, called: string, by: unknown, isOption = false): readonly Relation[] =>
  isCount(by) ? [{ argument, called, isOption, range: { ...count, multiple: by } }] : []
/** A hidden width is a width times this. */
const hidden = (argument: number, width: unknown): readonly Relation[] =>
  isCount(width) ? [{ argument, called: "mlpRatio", isOption: true, range: { ...ratio, shareOf: width } }] : []
const record = (x: unknown): Readonly<Record<string, unknown>> =>
  typeof x === "object" && x !== null && !Array.isArray(x) ? (x as Readonly<Record<string, unknown>>) : {}

const ofEncoder = (options: unknown): readonly Relation[] => {
  const { width, heads: split, depth, patchSize } = record(options)
  const relation = (called: string, range: Range): Relation => ({ argument: 0, called, isOption: true, range })
  return [
    ...multipleOf(0, "width", split, true),
    ...hidden(0, width),
    ...(isWithin(whole(1, 1000), depth) ? [relation("globalBlocks", whole(0, depth - 1))] : []),
    ...(isWithin(whole(1, 16_384), patchSize) ? [relation("imageSize", whole(patchSize, 16_384))] : []),
  ]
}

/** Numbers that another number of the same call bounds. */
export const relations: Readonly<Record<string, (args: readonly unknown[]) => readonly Relation[]>> = {
  // The mask is made narrower by 4, the embedding by 8.
  sam: ([options]) => [
    ...ofEncoder(options),
    ...multipleOf(0, "maskChannels", 4, true),
    ...multipleOf(0, "outChannels", 8, true),
  ],
  samNetwork: ([options]) => ofEncoder(options),
  imageEncoder: ([options]) => ofEncoder(options),
  vit: ([options]) => {
    const { width = 768, heads: split = 12 } = record(options)
    return [...multipleOf(0, "width", split, true), ...hidden(0, width)]
  },
  swinBlock: ([width, split, grid, window, options]) => {
    const [height, columns] = Array.isArray(grid) ? grid : []
    const sides = isCount(height) && isCount(columns) && isCount(window)
    return [
      ...multipleOf(0, "width", split),
      // A window that covers the grid is the grid.
      ...(sides ? multipleOf(2, "grid", Math.min(window, height, columns)) : []),
      ...(record(options)["mlp"] === undefined ? hidden(4, width) : []),
    ]
  },
  windowAttention: ([, split]) => multipleOf(0, "width", split),
  patchMerging: () => multipleOf(1, "grid", 2),
  samBlock: ([, split]) => multipleOf(0, "width", split),
  samGridAttention: ([, split]) => multipleOf(0, "width", split),
  samAttention: ([, , split]) => multipleOf(1, "inner", split),
}

/** Every number of every public function of the language, by the function's name; `forward.` are those inside a module's forward. */
export const functionRanges: Readonly<Record<string, readonly Slot[]>> = {
  linear: [width, width],
  embedding: [count, width],
  conv2d: [width, width, sides, options({ ...convolution, standardised: eps })],
  depthwiseConv2d: [width, sides, options({ stride: sides, padding: pair(pads), dilation: sides, standardised: eps })],
  convTranspose2d: [width, width, sides, options({ ...convolution, outputPadding: pair(pads) })],
  conv1d: [width, width, side, options(sequence)],
  layerNorm: [width, options({ eps })],
  layerNorm2d: [width, options({ eps })],
  batchNorm2d: [width, options({ eps, momentum: share })],
  batchNorm1d: [width, options({ eps, momentum: share })],
  groupNorm: [count, width, options({ eps })],
  dropout: [{ least: 0, below: 1 }],
  dropPath: [{ least: 0, below: 1 }],
  maxPool2d: [sides, options({ stride: sides, padding: pair(pads) })],
  avgPool2d: [sides, options({ stride: sides, padding: pair(pads) })],
  upsample: [{ above: 0, most: 64 }],
  windowAttention: [count, heads, side, options({ windows: count })],
  mlp: [count, count],
  swinBlock: [count, heads, both(side), side, options({ mlpRatio: ratio, dropPath: { least: 0, below: 1 } })],
  patchMerging: [count, both(side)],
  patchExpand: [count, count, both(side), options({ by: side })],
  samBlock: [count, heads, count, imageSide, whole(0, 1024)],
  samGridAttention: [count, heads, side],
  samMlp: [count, count],
  samAttention: [count, count, heads],
  samPatchEmbed: [count, imageSide],
  samNetwork: [samOptions],
  samTakes: [samOptions],
  imageEncoder: [samOptions],
  promptEncoder: [samOptions],
  maskDecoder: [samOptions],
  samNeck: [count, count],
  parameter: [{ each: count }, init],
  buffer: [{ each: count }, init],
  adapt: [],
  repeat: [depth],
  features: [width],
  optional: [width],
  schedule: [depth],
  uniform: [depth, rank],
  table: [{ each: rank, orNull: true }],
  withTotal: [whole(1, 1e9)],
  fitTrainable: [whole(1, Number.MAX_SAFE_INTEGER)],
  promptTokens: [whole(1, 1_000_000), options({ init })],
  keysAndValues: [whole(1, 1_000_000), options({ init })],
  vit: [
    options({
      ...{ imageSize: pair(imageSide), patchSize: whole(1, 1024), channels: whole(1, 4096), width: count, depth },
      ...{ heads: whole(1, 1024), mlpRatio: ratio, dropPathRate: { least: 0, below: 1 }, gives: count },
    }),
  ],
  houlsby: [rank],
  adaptFormer: [rank, options({ scale: factor, dropout: { least: 0, below: 1 } })],
  samedLora: [rank],
  haSam: [{ above: 0, most: 1e6 }],
  vptDeep: [whole(1, 1_000_000)],
  vptShallow: [whole(1, 1_000_000)],
  prefixTuning: [whole(1, 1_000_000)],
  ladder: [rank],
  ladderSide: [rank],
  lora: [options({ rank, alpha: { above: 0, most: 1e6 } })],
  "at.lowRank": [options({ rank, alpha: { above: 0, most: 1e6 } })],
  "at.beside": [undefined, beside],
  besideMlp: [undefined, beside],
  besideMlpResidual: [undefined, beside],
  expectTrainable: [whole(0, Number.MAX_SAFE_INTEGER)],
  expectTotal: [whole(0, Number.MAX_SAFE_INTEGER)],
  budget: [options({ trainable: whole(0, Number.MAX_SAFE_INTEGER), bytes: whole(0, Number.MAX_SAFE_INTEGER) })],
  sam: [samOptions],
  pixels: [options(image)],
  lowResolutionMask: [options({ size: pair(imageSide) })],
  given: [{ each: count }],
  adam: [options(adamOptions)],
  adamW: [options({ ...adamOptions, weightDecay: { least: 0, most: 1 } })],
  sgd: [options({ rate: trainingRanges.rate, momentum: { least: 0, below: 1 } })],
  dice: [options({ smooth: { least: 0, most: 1e6 } })],
  crossEntropy: [options({ weights: { each: { least: 0, most: 1e6 } } })],
  focal: [options({ gamma: { least: 0, most: 100 }, alpha: share })],
  tversky: [
    options({ alpha: { least: 0, most: 1e6 }, beta: { least: 0, most: 1e6 }, smooth: { least: 0, most: 1e6 } }),
  ],
  weighted: [{ least: 0, most: 1e6 }],
  cosineRate: [options({ warmup: whole(0, 1e6), floor: share })],
  stepRate: [whole(1, 1e6), { above: 0, most: 1 }],
  polynomialRate: [options({ power: { above: 0, most: 100 }, warmup: whole(0, 1e9), floor: share })],
  autoLr: [
    options({
      ...{ order: share, relax: { above: 0, most: 1 }, least: share, lowest: { above: 0, most: 1e6 } },
      ...{ highest: { above: 0, most: 1e6 }, before: { above: 0, most: 1e6 }, trials: whole(1, 1000) },
    }),
  ],
  clipNorm: [trainingRanges.clip],
  clipValue: [trainingRanges.clip],
  training: [
    undefined,
    options({
      epochs: trainingRanges.epochs,
      batch: trainingRanges.batch,
      accumulate: trainingRanges.accumulate,
      seed: trainingRanges.seed,
      patience: trainingRanges.patience,
      jitter: trainingRanges.jitter,
      clip: options({ norm: trainingRanges.clip, value: trainingRanges.clip }),
      augmentation: options({
        rotation: { least: 0, most: 180 },
        scale: { least: 0, below: 1 },
        gain: { least: 0, below: 1 },
      }),
    }),
  ],
  study: [
    options({
      seeds: { each: trainingRanges.seed },
      folds: whole(1, 1000),
      fractions: { each: { above: 0, most: 1 } },
      rates: { each: trainingRanges.rate },
    }),
  ],
  jittered: [trainingRanges.jitter],
  asRatio: [{ above: 0, most: 100 }],
  "forward.scale": [undefined, factor],
  "forward.shift": [undefined, factor],
  "forward.equals": [undefined, factor],
  "forward.constant": [{ each: { least: -1e30, most: 1e30 } }, { each: count }],
  "forward.concat": [undefined, axis],
  "forward.slice": [undefined, axis, extent, extent],
  "forward.mean": [undefined, axis],
  "forward.sum": [undefined, axis],
  "forward.pad": [undefined, axis, whole(0, 1e6), whole(0, 1e6)],
  "forward.roll": [undefined, axis, extent],
  "forward.gather": [undefined, { each: whole(0, 1e7) }],
  "forward.windows": [undefined, side],
  "forward.unwindows": [undefined, side],
  "forward.attention": [undefined, undefined, undefined, whole(1, 1024)],
  "forward.relPosAttention": [undefined, undefined, undefined, whole(1, 1024)],
  "forward.signedDistances": [both(side)],
  "forward.distances": [both(side)],
  "forward.shiftedWindows": [both(side), side, pads],
  "forward.resize": [undefined, imageSide, imageSide],
  "forward.padTo": [undefined, imageSide],
  "forward.pixelCentres": [imageSide, imageSide],
}
