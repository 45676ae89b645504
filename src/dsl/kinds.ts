/**
 * What arguments that are no numbers have to be. Types say it in the editor; where they are silenced, or a spec is put together by code, this table says it at its
 * place, before something else than a layer ends far inside a network. Numbers are in ranges.ts.
 */
import type { LayerData } from "./layer.ts"
import { own } from "./own.ts"
import { functionRanges, isWithin, type Slot } from "./ranges.ts"
import type { Feed, Taught } from "./task.ts"
import type { Loss, Optimizer, Prompt, RateSchedule } from "./training.ts"

/** What is asked for, in words, and whether a value is that. */
export interface Kind {
  readonly what: string
  readonly holds: (x: unknown) => boolean
  /** Of a table by name: what each of it has to be, so that the wrong one is named. */
  readonly each?: Kind
  /** Of an object of options: what each option has to be that is no number; numbers are in ranges.ts. */
  readonly fields?: Readonly<Record<string, Kind>>
  /** Options that have no default. */
  readonly needed?: readonly string[]
  /** A table that goes on to other functions, too, and may hold what is theirs. */
  readonly open?: true
  /** Names of a table become names of tensors. */
  readonly named?: true
}

type Table = Readonly<Record<string, unknown>>
export const isTable = (x: unknown): x is Table => typeof x === "object" && x !== null && !Array.isArray(x)
/** A table that is written out, and no model, promise or date. */
export const isRecord = (x: unknown): x is Table => {
  if (!isTable(x) || typeof x["kind"] === "string") return false
  const prototype: unknown = Object.getPrototypeOf(x)
  return prototype === Object.prototype || prototype === null
}
const kindOf = (x: unknown): unknown => (isTable(x) ? x["kind"] : undefined)
export const isText = (x: unknown): x is string => typeof x === "string"
export const isNumber = (x: unknown): x is number => typeof x === "number"
export const list = (of: (x: unknown) => boolean) => (x: unknown) => Array.isArray(x) && x.every(of)

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
/** The numbers of data that a function of this name makes. */
const within = (name: string, x: unknown): boolean => {
  const slot = own(functionRanges, name)?.[0]
  const options: Readonly<Record<string, Slot>> = slot !== undefined && "options" in slot ? slot.options : {}
  return (
    isTable(x) &&
    Object.entries(options).every(([key, range]) => {
      const value = x[key]
      if (value === undefined || range === undefined || "options" in range) return true
      return "each" in range ? list((one) => isWithin(range.each, one))(value) : isWithin(range, value)
    })
  )
}
const isLossKind = among<Loss["kind"]>({
  dice: true,
  bceWithLogits: true,
  mse: true,
  crossEntropy: true,
  focal: true,
  tversky: true,
  on: true,
  sum: true,
})
const isLoss = (x: unknown): boolean => {
  if (!isLossKind(x) || !isTable(x)) return false
  const kind = String(kindOf(x))
  if (kind === "on") return isText(x["output"]) && isLoss(x["loss"])
  if (kind === "sum")
    return list((term) => isTable(term) && isNumber(term["weight"]) && isLoss(term["loss"]))(x["terms"])
  return within(kind, x)
}
const isPrompt = among<Prompt["kind"]>({ centre: true, randomInside: true, localizer: true, file: true, box: true })
const isOptimizerKind = among<Optimizer["kind"]>({ adam: true, adamW: true, sgd: true })
const isOptimizer = (x: unknown): boolean =>
  isOptimizerKind(x) && isTable(x) && isNumber(x["rate"]) && within(String(kindOf(x)), x)
const isRateSchedule = among<RateSchedule["kind"]>({ constant: true, cosine: true, step: true, polynomial: true })
/** Data that autoLr(…) made, or that says all that it would. */
const isAutoLr = (x: unknown): boolean =>
  kindOf(x) === "autoLr" &&
  isTable(x) &&
  ["order", "relax", "least", "lowest", "highest", "before", "trials"].every((key) => isNumber(x[key])) &&
  within("autoLr", x)
const every = (of: (x: unknown) => boolean) => (x: unknown) => isRecord(x) && Object.values(x).every(of)

export const layer: Kind = { what: "a layer", holds: isLayer }
/** What can stand in a tensor's name between two dots, and in a folder's. */
const usable = (name: string): boolean => /^[^\s./\\\p{Cc}]+$/u.test(name)
export const ownName: Kind = {
  what: "a name without dots, slashes and spaces",
  holds: (x) => isText(x) && usable(x),
}
export const byName = (what: string, each: Kind): Kind => ({ what, holds: every(each.holds), each })
const named = (of: Kind): Kind => ({ ...of, named: true })
export const listOf = (what: string, { holds }: Kind): Kind => ({ what, holds: list(holds) })
/** An object of options; those that are numbers stand in ranges.ts. */
export const options = (fields: Kind["fields"] = {}, needed: readonly string[] = []): Kind => ({
  what: "an object of options",
  holds: isRecord,
  fields,
  needed,
})
export const oneOf = (...words: readonly string[]): Kind => ({
  what: words.map((word) => `'${word}'`).join(" or "),
  holds: (x) => isText(x) && words.includes(x),
})
export const either = (a: Kind, b: Kind): Kind => ({
  what: `${a.what}, or ${b.what}`,
  holds: (x) => a.holds(x) || b.holds(x),
})
export const layersByName = named(byName("layers by name", layer))
export const children = named(
  byName("layers by name", {
    what: "a layer, or a list of layers",
    holds: (x) => isLayer(x) || list(isLayer)(x),
  }),
)
export const text: Kind = { what: "a name", holds: isText }
export const flag: Kind = { what: "true or false", holds: (x) => typeof x === "boolean" }
export const functionKind: Kind = { what: "a function", holds: (x) => typeof x === "function" }
export const modelData: Kind = {
  what: "a model's data",
  holds: (x) => isRecord(x) && every(isFeed)(x["takes"]) && every(isTaught)(x["teaches"]),
}
export const model: Kind = { what: "a model", holds: (x) => kindOf(x) === "model" && isTable((x as Table)["data"]) }
export const schedule: Kind = { what: "a schedule", holds: (x) => kindOf(x) === "schedule" }
export const ranks: Kind = { what: "a rank or a schedule", holds: (x) => isNumber(x) || schedule.holds(x) }
export const rankOrNull: Kind = { what: "a rank, or null for none", holds: (x) => isNumber(x) || x === null }
export const selector: Kind = {
  what: "the name of a part, or a selector",
  holds: (x) => isText(x) || (isTable(x) && isTable(x["selector"])),
}
/** A value inside a forward, or what stands for it among a module's inputs. */
const isValue = (x: unknown): boolean => isTable(x) && isText(x["value"])
export const value: Kind = { what: "a value of the forward", holds: isValue }
export const extent: Kind = { what: "an input that is an extent", holds: (x) => isTable(x) && isText(x["extent"]) }
const isInput = (x: unknown): boolean => isValue(x) || extent.holds(x) || (isTable(x) && isText(x["flag"]))
export const inputs: Kind = {
  what: "inputs: features(width), or several by name",
  holds: (x) => isInput(x) || (isRecord(x) && Object.keys(x).length > 0 && every(isInput)(x)),
}
export const feed: Kind = { what: "pixels(…), given(…) or a prompt", holds: isFeed }
export const taught: Kind = { what: "masks(), classes(…) or point()", holds: isTaught }
export const loss: Kind = { what: "a loss", holds: isLoss }
export const optimizer: Kind = { what: "an optimizer", holds: isOptimizer }
export const prompt: Kind = { what: "a prompt", holds: isPrompt }
export const autoLr: Kind = { what: "autoLr(…)", holds: isAutoLr }
export const rateSchedule: Kind = { what: "a schedule of rates", holds: isRateSchedule }
export const trainingKind: Kind = { what: "a training", holds: (x) => kindOf(x) === "training" }
export const texts: Kind = listOf("a list of names", text)
export const shape: Kind = { what: "a list of extents", holds: list(isNumber) }
export const numbers: Kind = { what: "a list of numbers", holds: list(isNumber) }
export const something: Kind = { what: "something to begin with", holds: (x) => x !== undefined && x !== null }
export const blockNumber: Kind = { what: "the number of a block", holds: isNumber }
const beginnings = ["uniform", "normal", "fill"]
/** How a tensor begins. */
export const init: Kind = {
  what: "{ uniform }, { normal } or { fill }",
  holds: (x) => isRecord(x) && Object.keys(x).length === 1 && Object.keys(x).every((key) => beginnings.includes(key)),
}
const isFormula = (x: unknown): boolean => isRecord(x) && isText(x["formula"]) && list(isNumber)(x["of"])
export const rows: Kind = { what: "a list of numbers, or a formula", holds: (x) => list(isNumber)(x) || isFormula(x) }
export const bufferInit: Kind = {
  what: "{ uniform }, { normal }, { fill }, { values } or a formula",
  holds: (x) =>
    init.holds(x) || isFormula(x) || (isRecord(x) && Object.keys(x).join() === "values" && list(isNumber)(x["values"])),
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
