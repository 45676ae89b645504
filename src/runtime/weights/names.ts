/**
 * A map of names: which tensors of another model's file begin a model's, under which names, turned how; what of the file is left out, and what of the model begins with
 * its own initial values. Patterns are names in which `*` stands for any text; what it stood for is put into the stars of the name that it becomes.
 */
import { isLeft } from "fp-ts/lib/Either.js"
import * as t from "io-ts"
import { failed } from "../../compiler/diagnostic.ts"
import { readBytes } from "../files.ts"
import { type Turn, turns } from "./turn.ts"

const Name = t.union([t.string, t.readonlyArray(t.string)])
const NamesFile = t.intersection([
  t.type({ tensors: t.record(t.string, t.union([Name, t.type({ to: Name, as: t.string })])) }),
  t.partial({
    leftOut: t.readonlyArray(t.string),
    initial: t.readonlyArray(t.string),
    $schema: t.string,
    about: t.string,
  }),
])

export interface Rule {
  readonly from: string
  readonly to: readonly string[]
  readonly as?: Turn
}
export interface NamesMap {
  readonly file: string
  /** The first that fits a name is its rule. */
  readonly rules: readonly Rule[]
  /** Of the file: used by nothing. */
  readonly leftOut: readonly string[]
  /** Of the model: begins as the spec says. */
  readonly initial: readonly string[]
}

const refuse = (file: string, message: string, help: string) => failed(file, "HS3019", message, help)
const form = 'It is { "tensors": { "their.*": "our.*" }, "leftOut": ["head.*"], "initial": ["decoder.*"] }.'

const starsOf = (pattern: string): number => pattern.split("*").length - 1

/** Throws HS4002 and HS3019. */
export const readNames = async (file: string): Promise<NamesMap> => {
  const text = (await readBytes(file)).toString("utf8")
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch {
    throw refuse(file, "the map of names is not JSON", form)
  }
  const decoded = NamesFile.decode(json)
  if (isLeft(decoded)) {
    const keys = (decoded.left[0]?.context ?? [])
      .map(({ key }) => key)
      .filter((key) => key !== "" && !/^\d+$/.test(key))
    throw refuse(file, `the map of names lacks a right '${keys.join(".") || "tensors"}'`, form)
  }
  const known = ["tensors", "leftOut", "initial", "$schema", "about"]
  const strange = Object.keys(json as object).find((key) => !known.includes(key))
  if (strange !== undefined) throw refuse(file, `the map of names has a '${strange}', which says nothing`, form)
  const { tensors, leftOut = [], initial = [] } = decoded.right
  const rules = Object.entries(tensors).map(([from, of]): Rule => {
    const { to, as } =
      typeof of === "string" || Array.isArray(of) ? { to: of, as: undefined } : (of as { to: string; as: string })
    const names = [to].flat()
    if (names.length === 0) throw refuse(file, `'${from}' becomes nothing`, "What is not used stands in leftOut.")
    const uneven = names.find((name) => starsOf(name) !== starsOf(from))
    if (uneven !== undefined)
      throw refuse(
        file,
        `'${from}' has ${starsOf(from)} stars and '${uneven}' ${starsOf(uneven)}`,
        "Each star of a name puts in what the same star of the other one stood for.",
      )
    if (as === undefined) return { from, to: names }
    if (!Object.hasOwn(turns, as))
      throw refuse(file, `'${from}' is turned as '${as}'`, `It is one of ${Object.keys(turns).join(", ")}.`)
    return { from, to: names, as: as as Turn }
  })
  return { file, rules, leftOut, initial }
}

/** What the stars stood for; undefined where the name is another. */
export const starred = (pattern: string, name: string): readonly string[] | undefined => {
  const parts = pattern.split("*").map((part) => part.replace(/[\\^$.|?+()[\]{}]/g, "\\$&"))
  const found = new RegExp(`^${parts.join("(.*?)")}$`, "s").exec(name)
  return found === null ? undefined : found.slice(1)
}
export const fits = (patterns: readonly string[], name: string): boolean =>
  patterns.some((pattern) => starred(pattern, name) !== undefined)

const filled = (pattern: string, stars: readonly string[]): string =>
  pattern.split("*").reduce((text, part, i) => text + stars[i - 1]! + part)

/** What a tensor of the file becomes: names of the model, and how it is turned; undefined where no rule fits. */
export const becomes = (
  { rules }: NamesMap,
  name: string,
): { readonly names: readonly string[]; readonly as?: Turn } | undefined => {
  for (const { from, to, as } of rules) {
    const stars = starred(from, name)
    if (stars !== undefined) return { names: to.map((one) => filled(one, stars)), ...(as === undefined ? {} : { as }) }
  }
  return undefined
}
