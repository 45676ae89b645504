/**
 * What every public function takes that is no number: the types say it in the editor, this table where they are silenced. Numbers are in ranges.ts, under the same
 * names; `at.` are what at(…) gives, `forward.` what works inside a module's forward.
 */
import {
  autoLr,
  blockNumber,
  bufferInit,
  byName,
  children,
  either,
  extent,
  feed,
  flag,
  functionKind,
  init,
  inputs,
  isNumber,
  isRecord,
  isTable,
  type Kind,
  layer,
  layersByName,
  listOf,
  loss,
  model,
  modelData,
  numbers,
  oneOf,
  optimizer,
  options,
  ownName,
  prompt,
  rankOrNull,
  ranks,
  rateSchedule,
  rows,
  schedule,
  selector,
  shape,
  shown,
  something,
  taught,
  text,
  texts,
  trainingKind,
  value,
} from "./kinds.ts"
import { own } from "./own.ts"
import { functionRanges, isWithin, rangeText } from "./ranges.ts"

/** Of a function: its arguments, those that may follow, what the function that it gives takes, and what its own function must give back. */
export interface Kinds {
  readonly of: readonly (Kind | undefined)[]
  readonly rest?: Kind
  readonly applied?: Kind
  readonly gives?: Kind
}

const placed: Kinds = { of: [layer, options({ name: ownName })] }
const convolution = options({ bias: flag })
const adapted: Kinds = { of: [ranks], applied: model }
const rounding = oneOf("nearest", "floor", "ceil")
const interpolation = options({ mode: oneOf("nearest", "bilinear", "bicubic"), alignCorners: flag })
const samConfig = options({}, ["width", "depth", "heads", "globalBlocks"])
const wholeSamConfig: Kind = {
  ...options({ decoder: options() }, [
    ...[
      "imageSize",
      "patchSize",
      "width",
      "depth",
      "heads",
      "windowSize",
      "globalBlocks",
      "mlpRatio",
      "outChannels",
      "maskChannels",
      "decoder",
    ],
  ]),
  open: true,
}
const arm = either(trainingKind, model)
const one: Kinds = { of: [value] }
const two: Kinds = { of: [value, value] }

/** Every public function that is given something else than numbers. */
export const functionKinds: Readonly<Record<string, Kinds>> = {
  pipe: { of: [something], rest: functionKind },
  sequential: { of: [], rest: layer },
  parallel: { of: [], rest: layer },
  chain: { of: [layersByName] },
  residual: { of: [layer] },
  shared: { of: [layer] },
  skipConcat: { of: [layer] },
  list: { of: [listOf("a list of layers", layer)] },
  repeat: { of: [undefined, functionKind], gives: layer },
  define: { of: [text, children, inputs, functionKind] },
  named: { of: [text, value] },
  ifGiven: { of: [inputs, functionKind, functionKind] },
  whenGiven: { of: [inputs, functionKind] },
  linear: { of: [undefined, undefined, convolution] },
  conv2d: { of: [undefined, undefined, undefined, convolution] },
  conv1d: { of: [undefined, undefined, undefined, convolution] },
  convTranspose2d: { of: [undefined, undefined, undefined, convolution] },
  depthwiseConv2d: { of: [undefined, undefined, convolution] },
  batchNorm1d: { of: [undefined, options({ affine: flag })] },
  batchNorm2d: { of: [undefined, options({ affine: flag })] },
  upsample: { of: [undefined, interpolation] },
  parameter: { of: [shape, init] },
  buffer: { of: [shape, bufferInit, options({ persistent: flag })] },
  mlp: { of: [undefined, undefined, layer] },
  windowAttention: { of: [undefined, undefined, undefined, options({ qkvBias: flag })] },
  swinBlock: {
    of: [undefined, undefined, undefined, undefined, options({ shifted: flag, qkvBias: flag, mlp: layer })],
  },
  patchExpand: { of: [undefined, undefined, undefined, options({ name: text })] },
  vit: { of: [options({ head: layer }, ["depth", "gives"])] },
  sam: { of: [samConfig] },
  samNetwork: { of: [wholeSamConfig, layer] },
  samTakes: { of: [{ ...options({}, ["imageSize", "patchSize"]), open: true }] },
  samMlp: { of: [undefined, undefined, layer] },
  imageEncoder: { of: [wholeSamConfig] },
  promptEncoder: { of: [wholeSamConfig] },
  maskDecoder: { of: [wholeSamConfig, layer] },
  model: {
    of: [
      layer,
      options(
        {
          name: text,
          takes: { ...byName("what each input is fed, by name", feed), named: true },
          teaches: { ...byName("what each output is taught, by name", taught), named: true },
          keeps: texts,
          blocks: either({ ...text, what: "a path" }, { ...texts, what: "a list of paths" }),
          parts: byName("paths by name", text),
          resized: functionKind,
        },
        ["name", "takes"],
      ),
    ],
  },
  at: { of: [text] },
  "at.after": placed,
  "at.before": placed,
  "at.beside": { of: [layer, options({ name: ownName, of: oneOf("input", "skip") })] },
  "at.onSkip": placed,
  "at.lowRank": { of: [options({ rows: listOf("a list of 'q', 'k' and 'v'", oneOf("q", "k", "v")) }, ["rank"])] },
  afterAttention: placed,
  afterMlp: placed,
  inMlpResidual: placed,
  besideMlp: placed,
  besideMlpResidual: placed,
  lora: { of: [options({ on: texts }, ["rank", "on"])] },
  promptTokens: { of: [undefined, options({ stay: flag, init, name: ownName })] },
  keysAndValues: { of: [undefined, options({ place: text, init })] },
  adapt: { of: [schedule], applied: model },
  schedule: { of: [undefined, functionKind, rounding], gives: rankOrNull },
  uniform: { of: [undefined, undefined, rounding] },
  reverse: { of: [schedule] },
  totalOf: { of: [schedule] },
  withTotal: { of: [{ ...ranks, what: "a number or a schedule" }], applied: schedule },
  without: { of: [], rest: blockNumber, applied: schedule },
  fitTrainable: { of: [], applied: schedule },
  houlsby: adapted,
  adaptFormer: { of: [ranks, options()], applied: model },
  samedLora: adapted,
  haSam: adapted,
  vptDeep: adapted,
  vptShallow: { of: [], applied: model },
  prefixTuning: adapted,
  ladder: { of: [undefined, layer] },
  ladderSide: adapted,
  rates: {
    of: [
      byName("rates by part", {
        what: "a rate, or a function of the block",
        holds: (x) => isNumber(x) || typeof x === "function",
      }),
    ],
  },
  freezeAll: { of: [model] },
  freeze: { of: [], rest: selector, applied: model },
  unfreeze: { of: [], rest: selector, applied: model },
  blocks: { of: [], rest: blockNumber },
  submodule: { of: [text] },
  tensor: { of: [text] },
  inBlocks: { of: [text], rest: blockNumber },
  expectTrainable: { of: [], applied: model },
  expectTotal: { of: [], applied: model },
  budget: { of: [options()], applied: model },
  counted: { of: [text], applied: model },
  pixels: { of: [options({ fit: oneOf("longestSide", "stretch"), padded: oneOf("fed", "inside") }, ["size"])] },
  points: { of: [options({ coords: text, labels: text }, ["coords", "labels"])] },
  boxes: { of: [options({ name: text }, ["name"])] },
  lowResolutionMask: { of: [options({}, ["size"])] },
  classes: { of: [], rest: text },
  given: { of: [shape] },
  adam: { of: [options({}, ["rate"])] },
  adamW: { of: [options({}, ["rate"])] },
  sgd: { of: [options({}, ["rate"])] },
  autoLr: { of: [options()] },
  dice: { of: [options({ over: oneOf("classes", "batch") })] },
  on: { of: [text, loss] },
  weighted: { of: [undefined, loss] },
  add: { of: [], rest: loss },
  asks: { of: [prompt] },
  defaultLoss: { of: [modelData] },
  defaultPrompt: { of: [modelData] },
  defaultsFor: { of: [modelData] },
  unmoved: { of: [prompt, modelData] },
  training: {
    of: [
      model,
      options({
        ...{ optimizer, loss, prompt, rateSchedule, autoLr, augmentation: options({ flip: flag }) },
        rates: { what: "rates({ … })", holds: (x) => isTable(x) && x["kind"] === "rates" },
        clip: {
          what: "clipNorm(…) or clipValue(…)",
          holds: (x) => isRecord(x) && (isNumber(x["norm"]) || isNumber(x["value"])),
        },
        sampling: {
          what: "balanced",
          holds: (x) => isTable(x) && (x["kind"] === "each" || x["kind"] === "balanced"),
        },
        precision: oneOf("float32", "tf32", "bf16"),
        frozen: oneOf("float32", "bf16", "int8"),
      }),
    ],
  },
  automatic: { of: [trainingKind] },
  study: {
    of: [
      options(
        {
          trainings: listOf("a list of trainings and models", arm),
          prompts: listOf("a list of asTrained, jittered(…) and automatic(…)", {
            what: "asTrained, jittered(…) or automatic(…)",
            holds: (x) => isTable(x) && ["asTrained", "jittered", "automatic"].includes(String(x["kind"])),
          }),
          reference: arm,
          test: oneOf("welch", "paired", "wilcoxon"),
          correction: oneOf("none", "holm"),
        },
        ["trainings"],
      ),
    ],
  },
  ...Object.fromEntries(
    ["add", "sub", "mul", "div", "matmul", "padLike", "repeatBatch", "repeatEach", "meanEach", "cropLike"].map(
      (name) => [`forward.${name}`, two],
    ),
  ),
  ...Object.fromEntries(
    [
      ...["relu", "gelu", "sigmoid", "tanh", "sin", "cos", "exp", "log", "softmax", "scale", "shift", "equals"],
      ...["slice", "mean", "sum", "pad", "roll", "windows", "padTo"],
    ].map((name) => [`forward.${name}`, one]),
  ),
  "forward.unwindows": { of: [value, undefined, value] },
  "forward.attention": { of: [value, value, value] },
  "forward.relPosAttention": { of: [value, value, value] },
  "forward.constant": { of: [numbers, shape] },
  "forward.rearrange": {
    of: [value, { what: "a pattern", holds: text.holds }, byName("sizes by name", { what: "a size", holds: isNumber })],
  },
  "forward.concat": {
    of: [listOf("a list of values", { what: "a value", holds: (x) => x === undefined || value.holds(x) })],
  },
  "forward.gather": { of: [value, rows] },
  "forward.resize": { of: [value, undefined, undefined, interpolation] },
  "forward.resizeTo": { of: [value, extent] },
}

export interface Misfit {
  readonly asked: string
  readonly got: string
  readonly path: string
}
/** What is wrong with a value of a kind: in a table, of each that does not fit. */
const wrong = (kind: Kind, given: unknown, path: string): readonly Misfit[] => {
  const within = (key: string) => (path === "" ? key : `${path}.${key}`)
  const { each, fields, needed = [] } = kind
  if (each !== undefined && isRecord(given))
    return Object.entries(given).flatMap(([key, one]) => [
      ...(kind.named === true ? wrong(ownName, key, path) : []),
      ...wrong(each, one, within(key)),
    ])
  if (!kind.holds(given)) return [{ asked: kind.what, got: shown(given), path }]
  if (fields === undefined || !isRecord(given)) return []
  return Object.entries(fields).flatMap(([key, of]) =>
    given[key] === undefined && !needed.includes(key) ? [] : wrong(of, given[key], within(key)),
  )
}

/** What of a call is something else than it has to be: where, what was asked for, what was given. */
export const misfits = (
  name: string,
  args: readonly unknown[],
  needed: number,
): readonly (Misfit & { readonly i: number })[] => {
  const kinds = own(functionKinds, name)
  if (kinds === undefined) return []
  return Array.from({ length: Math.max(args.length, Math.min(needed, kinds.of.length)) }, (_, i) => {
    const kind = i < kinds.of.length ? kinds.of[i] : kinds.rest
    const given = args[i]
    if (kind === undefined) return []
    const optional = i < kinds.of.length && (i >= needed || (name.startsWith("at.") && kind.needed?.length === 0))
    return given === undefined && optional ? [] : wrong(kind, given, "").map((one) => ({ ...one, i }))
  }).flat()
}

/** What is wrong with an argument that was not given to the function, but put together by hand; as a sentence. */
export const misfitOf = (name: string, i: number, given: Readonly<Record<string, unknown>>): string | undefined => {
  const kind = own(functionKinds, name)?.of[i]
  const [first] = kind === undefined ? [] : wrong(kind, given, "")
  if (first !== undefined) return `its ${first.path} has to be ${first.asked}, not ${first.got}`
  const slot = own(functionRanges, name)?.[i]
  const numbers = slot !== undefined && "options" in slot ? slot.options : {}
  for (const [key, range] of Object.entries(numbers)) {
    if (given[key] === undefined || range === undefined || "options" in range || "each" in range) continue
    if (!isWithin(range, given[key])) return `its ${key} has to be ${rangeText(range)}, not ${shown(given[key])}`
  }
  return undefined
}
