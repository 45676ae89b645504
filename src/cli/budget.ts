/**
 * A file of budgets, kept apart from the specs: { "model": { "trainable": n, "bytes": n } }, "*" for every model. A gate that cannot check fails: what
 * the file says must be understood whole.
 */
import { closest } from "fastest-levenshtein"
import { aboutFile, type Diagnostic, Failed, failed } from "../compiler/diagnostic.ts"
import type { Report } from "../compiler/report/report.ts"
import { exact } from "../compiler/report/units.ts"
import { own } from "../dsl/own.ts"
import { isWithin, rangeText, whole } from "../dsl/ranges.ts"
import { readBytes } from "../runtime/files.ts"

const rules = ["trainable", "bytes"] as const
type Limits = { readonly [R in (typeof rules)[number]]?: number }
type Budgets = Readonly<Record<string, Limits>>

const limit = whole(0, Number.MAX_SAFE_INTEGER)
const form = 'Write { "model": { "trainable": 7000000 } }.'
const isTable = (x: unknown): x is Readonly<Record<string, unknown>> =>
  typeof x === "object" && x !== null && !Array.isArray(x)

/** Everything that is wrong with the file, at once. `known`: the models that it may name. */
const problemsOf = (json: unknown, known: readonly string[]): readonly string[] => {
  if (!isTable(json)) return ["the budget file is not a table of models"]
  const entries = Object.entries(json)
  if (entries.length === 0) return ["the budget file limits nothing"]
  return entries.flatMap(([model, limits]) => {
    const unknown =
      model === "*" || known.includes(model)
        ? []
        : [
            `there is no model '${model}'${known.length === 0 ? "" : `; the nearest is '${closest(model, [...known])}'`}`,
          ]
    if (!isTable(limits)) return [...unknown, `'${model}' has no table of limits`]
    const rows = Object.entries(limits)
    if (rows.length === 0) return [...unknown, `'${model}' has no limit`]
    return [
      ...unknown,
      ...rows.flatMap(([rule, value]) => {
        if (!(rules as readonly string[]).includes(rule))
          return [`'${model}' has a rule '${rule}', which is none; the nearest is '${closest(rule, [...rules])}'`]
        return isWithin(limit, value)
          ? []
          : [`the ${rule} of '${model}' is ${rangeText(limit)}, not ${JSON.stringify(value)}`]
      }),
    ]
  })
}

/** Names that stand twice in one table: JSON keeps the last of them, and the others would limit nothing. `text` is JSON. */
const doubled = (text: string): readonly string[] => {
  const open: Set<string>[] = []
  return [...text.matchAll(/"(?:[^"\\]|\\.)*"(\s*:)?|[{}]/g)].flatMap(([found, isName]) => {
    if (found === "{") open.push(new Set())
    else if (found === "}") open.pop()
    else if (isName !== undefined) {
      const name: string = JSON.parse(found.slice(0, found.lastIndexOf('"') + 1))
      if (open.at(-1)?.has(name)) return [`'${name}' is there twice`]
      open.at(-1)?.add(name)
    }
    return []
  })
}

const read = async (file: string, known: readonly string[]): Promise<Budgets> => {
  let json: unknown
  const text = (await readBytes(file)).toString("utf8").replace(/^\uFEFF/, "")
  try {
    json = JSON.parse(text)
  } catch (problem) {
    if (problem instanceof SyntaxError) throw failed(file, "HS5001", "the budget file is not JSON", form)
    throw problem
  }
  const [first, ...rest] = [...doubled(text), ...problemsOf(json, known)].map((problem) =>
    aboutFile(file, "HS5001", problem, form),
  )
  if (first !== undefined) throw new Failed([first, ...rest])
  return json as Budgets
}

/** What is over its budget. `known`: every model of the specs, compiled or not. Throws HS5001 and HS4002. */
export const overBudget = async (
  file: string,
  { models }: Report,
  known: readonly string[],
): Promise<readonly Diagnostic[]> => {
  const budgets = await read(file, known)
  return models.flatMap(({ name, trainable }) => {
    const limits: Limits = { ...own(budgets, "*"), ...own(budgets, name) }
    const over = (what: string, is: number, most: number | undefined) =>
      most === undefined || is <= most
        ? []
        : [
            aboutFile(
              file,
              "HS1019",
              `'${name}' trains ${exact(is)} ${what}, ${exact(is - most)} over its budget of ${exact(most)}`,
            ),
          ]
    return [
      ...over("parameters", trainable, limits.trainable),
      ...over("bytes in float32", 4 * trainable, limits.bytes),
    ]
  })
}
