/**
 * What arguments that are no numbers have to be. Types say it in the editor; where they are silenced, or a spec is put together by code, this table says it at its
 * place, before something else than a layer ends far inside a network. Numbers are in ranges.ts.
 */
import type { LayerData } from "./layer.ts"
import { own } from "./own.ts"
import type { Feed, Taught } from "./task.ts"
import type { Loss, Optimizer, Prompt, RateSchedule } from "./training.ts"

/** What is asked for, in words, and whether a value is that. */
export interface Kind {
  readonly what: string
  readonly holds: (x: unknown) => boolean
  /** Of a table by name: what each of it has to be, so that the wrong one is named. */
  readonly each?: Kind
}
/** Of a function: its arguments, those that may follow, what the function that it gives takes, and what its own function must give back. */
export interface Kinds {
  readonly of: readonly (Kind | undefined)[]
  readonly rest?: Kind
  readonly applied?: Kind
  readonly gives?: Kind
  /** By name, of the argument that is an object of options. */
  readonly options?: {
    readonly at: number
    readonly of: Readonly<Record<string, Kind>>
    readonly needed?: readonly string[]
  }
}

type Table = Readonly<Record<string, unknown>>
export const isTable = (x: unknown): x is Table => typeof x === "object" && x !== null && !Array.isArray(x)
const kindOf = (x: unknown): unknown => (isTable(x) ? x["kind"] : undefined)
const isText = (x: unknown): x is string => typeof x === "string"
const isNumber = (x: unknown): x is number => typeof x === "number"
const list = (of: (x: unknown) => boolean) => (x: unknown) => Array.isArray(x) && x.every(of)

/** Every kind of something: one that is added to the type and not here is a type error. */
const among =
  <K extends string>(kinds: Readonly<Record<K, true>>) =>
  (x: unknown): boolean => {
    const kind = kindOf(x)
    return isText(kind) && Object.hasOwn(kinds, kind)
  }
const isLayer = among<LayerData["kind"]>({
  linear: true,
  conv2d: true,
  conv1d: true,
  convTranspose2d: true,
  layerNorm: true,
  layerNorm2d: true,
  batchNorm2d: true,
  batchNorm1d: true,
  groupNorm: true,
  embedding: true,
  relu: true,
  gelu: true,
  sigmoid: true,
  tanh: true,
  identity: true,
  dropout: true,
  dropPath: true,
  maxPool2d: true,
  avgPool2d: true,
  globalAveragePool: true,
  upsample: true,
  parameter: true,
  buffer: true,
  sequential: true,
  list: true,
  residual: true,
  parallel: true,
  shared: true,
  module: true,
})
const isFeed = among<Feed["kind"]>({ pixels: true, points: true, box: true, mask: true, given: true })
const isTaught = among<Taught["kind"]>({ masks: true, classes: true, point: true })
const isLoss = among<Loss["kind"]>({
  dice: true,
  bceWithLogits: true,
  mse: true,
  crossEntropy: true,
  focal: true,
  tversky: true,
  on: true,
  sum: true,
})
const isPrompt = among<Prompt["kind"]>({ centre: true, randomInside: true, localizer: true, file: true, box: true })
const isOptimizer = among<Optimizer["kind"]>({ adam: true, adamW: true, sgd: true })
const isRateSchedule = among<RateSchedule["kind"]>({ constant: true, cosine: true, step: true, polynomial: true })
const every = (of: (x: unknown) => boolean) => (x: unknown) => isTable(x) && Object.values(x).every(of)

const layer: Kind = { what: "a layer", holds: isLayer }
const byName = (what: string, each: Kind): Kind => ({ what, holds: every(each.holds), each })
const layersByName = byName("layers by name", layer)
const children = byName("layers by name", {
  what: "a layer, or a list of layers",
  holds: (x) => isLayer(x) || list(isLayer)(x),
})
const text: Kind = { what: "a name", holds: isText }
const functionKind: Kind = { what: "a function", holds: (x) => typeof x === "function" }
const model: Kind = { what: "a model", holds: (x) => kindOf(x) === "model" && isTable((x as Table)["data"]) }
const schedule: Kind = { what: "a schedule", holds: (x) => kindOf(x) === "schedule" }
const ranks: Kind = { what: "a rank or a schedule", holds: (x) => isNumber(x) || schedule.holds(x) }
const selector: Kind = {
  what: "the name of a part, or a selector",
  holds: (x) => isText(x) || (isTable(x) && isTable(x["selector"])),
}
const inputs: Kind = {
  what: "inputs: features(width), or several by name",
  holds: (x) => isTable(x),
}
const loss: Kind = { what: "a loss", holds: isLoss }
const optimizer: Kind = { what: "an optimizer", holds: isOptimizer }
const prompt: Kind = { what: "a prompt", holds: isPrompt }
const rateSchedule: Kind = {
  what: "a schedule of rates",
  holds: isRateSchedule,
}
const table: Kind = { what: "an object of options", holds: isTable }
const texts: Kind = { what: "a list of names", holds: list(isText) }
const shape: Kind = { what: "a list of extents", holds: list(isNumber) }
const something: Kind = { what: "something to begin with", holds: (x) => x !== undefined && x !== null }
const flag: Kind = { what: "true or false", holds: (x) => typeof x === "boolean" }
const convolution = { bias: flag }

const placed: Kinds = { of: [layer, table] }

/** Every public function that is given something else than numbers. */
export const functionKinds: Readonly<Record<string, Kinds>> = {
  pipe: { of: [something], rest: functionKind },
  sequential: { of: [], rest: layer },
  parallel: { of: [], rest: layer },
  chain: { of: [layersByName] },
  residual: { of: [layer] },
  shared: { of: [layer] },
  skipConcat: { of: [layer] },
  list: { of: [{ what: "a list of layers", holds: list(isLayer) }] },
  repeat: { of: [undefined, functionKind], gives: layer },
  define: { of: [text, children, inputs, functionKind] },
  named: { of: [text] },
  linear: { of: [undefined, undefined, table], options: { at: 2, of: convolution } },
  conv2d: { of: [undefined, undefined, undefined, table], options: { at: 3, of: convolution } },
  conv1d: { of: [undefined, undefined, undefined, table], options: { at: 3, of: convolution } },
  convTranspose2d: { of: [undefined, undefined, undefined, table], options: { at: 3, of: convolution } },
  parameter: { of: [shape] },
  buffer: { of: [shape] },
  model: {
    of: [layer, table],
    options: {
      at: 1,
      of: {
        name: text,
        takes: byName("what each input is fed, by name", {
          what: "pixels(…), given(…) or a prompt",
          holds: isFeed,
        }),
        teaches: byName("what each output is taught, by name", {
          what: "masks(), classes(…) or point()",
          holds: isTaught,
        }),
        keeps: texts,
        blocks: { what: "a path, or a list of paths", holds: (x) => isText(x) || list(isText)(x) },
        parts: byName("paths by name", text),
        resized: functionKind,
      },
      needed: ["name", "takes"],
    },
  },
  at: { of: [text] },
  afterAttention: placed,
  afterMlp: placed,
  inMlpResidual: placed,
  besideMlp: placed,
  besideMlpResidual: placed,
  lora: { of: [table], options: { at: 0, of: { on: texts }, needed: ["rank", "on"] } },
  adapt: { of: [schedule], applied: model },
  schedule: { of: [undefined, functionKind] },
  table: { of: [{ what: "a list of ranks", holds: Array.isArray }] },
  reverse: { of: [schedule] },
  totalOf: { of: [schedule] },
  withTotal: { of: [{ what: "a number or a schedule", holds: ranks.holds }], applied: schedule },
  without: { of: [], applied: schedule },
  fitTrainable: { of: [], applied: schedule },
  houlsby: { of: [ranks], applied: model },
  adaptFormer: { of: [ranks, table], applied: model },
  samedLora: { of: [ranks], applied: model },
  haSam: { of: [ranks], applied: model },
  vptDeep: { of: [ranks], applied: model },
  prefixTuning: { of: [ranks], applied: model },
  ladder: { of: [undefined, layer] },
  ladderSide: { of: [ranks], applied: model },
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
  submodule: { of: [text] },
  tensor: { of: [text] },
  inBlocks: { of: [text] },
  expectTrainable: { of: [], applied: model },
  expectTotal: { of: [], applied: model },
  budget: { of: [table], applied: model },
  counted: { of: [text], applied: model },
  classes: { of: [], rest: text },
  given: { of: [shape] },
  on: { of: [text, loss] },
  weighted: { of: [undefined, loss] },
  add: { of: [], rest: loss },
  training: {
    of: [model, table],
    options: {
      at: 1,
      of: {
        ...{ optimizer, loss, prompt, rateSchedule, augmentation: table },
        rates: { what: "rates({ … })", holds: (x) => kindOf(x) === "rates" },
        clip: { what: "clipNorm(…) or clipValue(…)", holds: (x) => isTable(x) && ("norm" in x || "value" in x) },
        sampling: { what: "balanced", holds: (x) => ["each", "balanced"].includes(String(kindOf(x))) },
      },
    },
  },
}

/** Data of a placement that this language made, or of one that says all that it would. */
export const isPlacement = (x: unknown): boolean => {
  if (!isTable(x)) return false
  switch (x["kind"]) {
    case "adapter":
      return isLayer(x["layer"]) && isText(x["place"]) && isText(x["how"]) && isText(x["name"]) && isNumber(x["scale"])
    case "lora":
      return list(isText)(x["on"]) && isNumber(x["rank"]) && isNumber(x["alpha"])
    case "tokens":
      return isNumber(x["count"]) && isText(x["name"]) && isTable(x["init"])
    case "prefix":
      return isNumber(x["count"]) && isText(x["place"]) && isTable(x["init"])
    case "ladder":
      return isNumber(x["rank"]) && isLayer(x["layer"])
    default:
      return false
  }
}

/** A value as a sentence names it. */
export const shown = (x: unknown): string => {
  if (x === undefined || x === null || isNumber(x) || typeof x === "boolean") return String(x)
  if (isText(x)) return `the text '${x.length > 40 ? `${x.slice(0, 40)}…` : x}'`
  if (Array.isArray(x)) return x.every((one) => isTable(one) || Array.isArray(one)) ? "a list" : `a list of ${x.length}`
  if (typeof x === "function") return "a function"
  if (model.holds(x)) return "a model"
  if (schedule.holds(x)) return "a schedule"
  if (isLayer(x)) return "a layer"
  return typeof x === "object" ? "an object" : `a ${typeof x}`
}

interface Misfit {
  readonly asked: string
  readonly got: string
  readonly path: string
}
/** What of a call is something else than it has to be: where, what was asked for, what was given. */
export const misfits = (name: string, args: readonly unknown[], needed: number): readonly Misfit[] => {
  const kinds = own(functionKinds, name)
  if (kinds === undefined) return []
  const wrong = (kind: Kind, given: unknown, path: string): readonly Misfit[] =>
    kind.each !== undefined && isTable(given)
      ? Object.entries(given).flatMap(([key, one]) =>
          wrong(kind.each as Kind, one, path === "" ? key : `${path}.${key}`),
        )
      : kind.holds(given)
        ? []
        : [{ asked: kind.what, got: shown(given), path }]
  const found = Array.from({ length: Math.max(args.length, Math.min(needed, kinds.of.length)) }, (_, i) => {
    const kind = i < kinds.of.length ? kinds.of[i] : kinds.rest
    const given = args[i]
    return kind === undefined || (given === undefined && i >= needed && i < kinds.of.length)
      ? []
      : wrong(kind, given, "")
  }).flat()
  const options = kinds.options === undefined ? undefined : args[kinds.options.at]
  if (kinds.options === undefined || !isTable(options)) return found
  const { of, needed: must = [] } = kinds.options
  return [
    ...found,
    ...Object.entries(of).flatMap(([key, kind]) =>
      options[key] === undefined && !must.includes(key) ? [] : wrong(kind, options[key], key),
    ),
  ]
}
