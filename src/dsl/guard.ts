/**
 * The language as a spec gets it: each public function looks at its numbers first (ranges.ts). What makes no sense is kept for the compiler, with its place, and
 * a number that does takes its place, so that the rest of the spec can be told about as well. Nothing is thrown.
 */
import { own } from "./own.ts"
import { callSite } from "./place.ts"
import { functionRanges, isWithin, type Range, rangeText, relations, type Slot } from "./ranges.ts"

/** A number that makes no sense: where it was given, and the sentence. */
export interface Senseless {
  readonly at?: string
  readonly message: string
  readonly help: string
  /** No number, but something else than what is needed; where types are checked, they tell it better. */
  readonly junk?: true
}
export interface Guarded {
  readonly language: Readonly<Record<string, unknown>>
  /** What was found so far. */
  readonly senseless: readonly Senseless[]
  /** Where expectations and budgets were written. */
  readonly expected: readonly string[]
}

type Say = (path: string, value: unknown, range: Range) => void
type Any = (...args: readonly unknown[]) => unknown

const isOptions = (slot: object): slot is { readonly options: Readonly<Record<string, Slot>> } => "options" in slot
const isEach = (slot: object): slot is { readonly each: Range } => "each" in slot

/** A number that fits, for one that does not: what follows is told as if it had been given. */
const instead = ({ least, above, most, below }: Range): number =>
  Math.min(
    Math.max(1, least ?? (above === undefined ? 1 : above + 1)),
    most ?? Infinity,
    below === undefined ? Infinity : below / 2,
  )

const looked = (slot: Slot, value: unknown, path: string, say: Say): unknown => {
  if (slot === undefined || value === undefined || value === null) return value
  if (isOptions(slot)) {
    if (typeof value !== "object" || Array.isArray(value)) return value
    return Object.fromEntries(
      Object.entries(value).map(([name, inner]) => [
        name,
        looked(own(slot.options, name), inner, path === "" ? name : `${path}.${name}`, say),
      ]),
    )
  }
  if (Array.isArray(value)) return value.map((one) => looked(isEach(slot) ? slot.each : slot, one, path, say))
  const range = isEach(slot) ? slot.each : slot
  if (typeof value !== "number" || isWithin(range, value)) return value
  say(path, value, range)
  return instead(range)
}

const isRecord = (x: unknown): x is Readonly<Record<string, unknown>> =>
  typeof x === "object" && x !== null && !Array.isArray(x)

const expectations: ReadonlySet<string> = new Set(["expectTrainable", "expectTotal", "budget"])

/** Looks at what the language's functions are given. */
export const guarded = (language: Readonly<Record<string, unknown>>): Guarded => {
  const senseless: Senseless[] = []
  const expected: string[] = []
  const wrapped = (name: string, f: Any, slots: readonly Slot[]): Any => {
    const guard = (...args: readonly unknown[]): unknown => {
      const say: Say = (path, value, range) => {
        const at = callSite()
        const what = path === "" ? name : `${name}: ${path}`
        senseless.push({
          ...(at === undefined ? {} : { at }),
          message: `${what} is ${rangeText(range)}, not ${String(value)}`,
          help: `Give ${rangeText(range)}.`,
        })
      }
      if (expectations.has(name)) {
        const at = callSite()
        if (at !== undefined) expected.push(at)
      }
      const [options] = args
      for (const [path, range] of isRecord(options) ? (own(relations, name)?.(options) ?? []) : [])
        for (const value of [own(options as Readonly<Record<string, unknown>>, path)].flat())
          if (typeof value === "number" && !isWithin(range, value)) say(path, value, range)
      if (name === "adapt") return f(args[0], placementsOf(args[1]), ...args.slice(2))
      // What the function returns is named by its place in the spec, not by this one.
      return f(...args.map((value, i) => looked(slots[i], value, "", say)))
    }
    return Object.assign(guard, f)
  }
  /** Only a function that gives a list of placements is one; anything else places nothing. */
  const placementsOf = (given: unknown): Any => {
    const at = callSite()
    const junk = (what: string): readonly [] => {
      const message = `adapt takes a function that gives a list of placements, not ${what}`
      if (!senseless.some((one) => one.message === message && one.at === at))
        senseless.push({
          ...(at === undefined ? {} : { at }),
          message,
          help: "Write adapt(ranks, (rank) => [afterAttention(adapter(rank))]).",
          junk: true,
        })
      return []
    }
    const isPlacement = (x: unknown): boolean =>
      isRecord(x) && typeof x["kind"] === "string" && ("layer" in x || "rank" in x || "count" in x)
    if (typeof given !== "function")
      return () => junk(Array.isArray(given) ? "a list" : given === null ? "null" : `a ${typeof given}`)
    const make = given as Any
    const checked = (...args: readonly unknown[]): unknown => {
      const made = make(...args)
      if (isPlacement(made)) return junk("a placement: put [ ] around it")
      if (!Array.isArray(made)) return junk(`one that gives ${made === null ? "null" : typeof made}`)
      return made.every(isPlacement) ? made : junk("one that gives a list of something else")
    }
    return Object.defineProperty(checked, "length", { value: make.length }) as Any
  }
  const guardAll = (members: Readonly<Record<string, unknown>>, prefix: string): Readonly<Record<string, unknown>> =>
    Object.fromEntries(
      Object.entries(members).map(([name, member]) => {
        const slots = own(functionRanges, `${prefix}${name}`)
        return [
          name,
          slots === undefined || typeof member !== "function" ? member : wrapped(name, member as Any, slots),
        ]
      }),
    )
  const { forward, ...rest } = language
  return {
    language: { ...guardAll(rest, ""), forward: guardAll(forward as Readonly<Record<string, unknown>>, "forward.") },
    senseless,
    expected,
  }
}
