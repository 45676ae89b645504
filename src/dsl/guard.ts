/**
 * The language as a spec gets it: each public function looks at its numbers first (ranges.ts). What makes no sense is kept for the compiler, with its place, and
 * a number that does takes its place, so that the rest of the spec can be told about as well. Nothing is thrown.
 */
import { functionKinds, isPlacement, isTable, type Kind, misfits, shown } from "./kinds.ts"
import { own } from "./own.ts"
import { callSite } from "./place.ts"
import { functionRanges, isWithin, type Range, rangeText, relations, type Slot } from "./ranges.ts"

/** A number that makes no sense: where it was given, and the sentence. */
export interface Senseless {
  readonly at?: string
  readonly message: string
  readonly help: string
  /** HS1049: something else than what is needed; where types are checked, they tell it better. */
  readonly code: "HS1040" | "HS1049" | "HS1051"
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
    if (!isTable(value)) return value
    return Object.fromEntries(
      Object.entries(value).map(([name, inner]) => [
        name,
        looked(own(slot.options, name), inner, path === "" ? name : `${path}.${name}`, say),
      ]),
    )
  }
  if (Array.isArray(value)) return value.map((one) => looked(isEach(slot) ? slot.each : slot, one, path, say))
  const range = isEach(slot) ? slot.each : slot
  // Tables of numbers, such as a schedule, have their own kinds.
  if (isWithin(range, value) || typeof value === "object") return value
  say(path, value, range)
  return instead(range)
}

/** JavaScript puts names that are whole numbers before all others, by size, wherever they are written. */
const wholeNames = (x: unknown): readonly string[] =>
  isTable(x) ? Object.keys(x).filter((key) => /^(0|[1-9]\d*)$/.test(key) && Number(key) < 2 ** 32 - 1) : []
const wholeName = (key: string): string =>
  `chain: the name '${key}' is a whole number, and JavaScript puts such names first, whatever their order`
const wholeNameHelp = "Write sequential(…), whose layers are called 0, 1, …, or take names that are words."

const expectations: ReadonlySet<string> = new Set(["expectTrainable", "expectTotal", "budget"])

/** Looks at what the language's functions are given. */
export const guarded = (language: Readonly<Record<string, unknown>>): Guarded => {
  const senseless: Senseless[] = []
  const expected: string[] = []
  let told = 0
  const tell = (message: string, help: string, code: Senseless["code"]): void => {
    const at = callSite()
    told += 1
    // A function that is asked once for each block says it once.
    if (senseless.some((one) => one.message === message && one.at === at)) return
    senseless.push({ ...(at === undefined ? {} : { at }), message, help, code })
  }
  const wrapped = (name: string, f: Any, slots: readonly Slot[]): Any => {
    const { gives, applied } = own(functionKinds, name) ?? {}
    const guard = (...args: readonly unknown[]): unknown => {
      const say: Say = (path, value, range) =>
        tell(
          `${path === "" ? name : `${name}: ${path}`} is ${rangeText(range)}, not ${shown(value)}`,
          `Give ${rangeText(range)}.`,
          "HS1040",
        )
      for (const { path, asked, got } of misfits(name, args, f.length))
        tell(
          `${path === "" ? `${name} takes` : `${name}: ${path} is`} ${asked}, not ${got}`,
          `Give ${asked}.`,
          "HS1049",
        )
      if (name === "chain") for (const key of wholeNames(args[0])) tell(wholeName(key), wholeNameHelp, "HS1051")
      if (expectations.has(name)) {
        const at = callSite()
        if (at !== undefined) expected.push(at)
      }
      const [options] = args
      for (const [path, range] of isTable(options) ? (own(relations, name)?.(options) ?? []) : [])
        for (const value of [own(options as Readonly<Record<string, unknown>>, path)].flat())
          if (typeof value === "number" && !isWithin(range, value)) say(path, value, range)
      const needed = Array.from({ length: Math.max(args.length, f.length) }, (_, i) => args[i])
      for (const [i, value] of needed.entries()) {
        const slot = slots[i]
        if (value === undefined && i < f.length && slot !== undefined) {
          if (!isOptions(slot)) say("", value, isEach(slot) ? slot.each : slot)
          else if (own(functionKinds, name)?.of[i] === undefined)
            tell(`${name} takes an object of options, not ${shown(value)}`, "Give an object of options.", "HS1049")
        }
      }
      // What the function returns is named by its place in the spec, not by this one.
      const seen = args.map((value, i) =>
        // What is a number or something else has been looked at as such.
        typeof value !== "number" && typeof value !== "object" && own(functionKinds, name)?.of[i] !== undefined
          ? value
          : looked(slots[i], value, "", say),
      )
      const made =
        gives === undefined
          ? seen
          : seen.map((value) => (typeof value === "function" ? giving(name, value as Any, gives) : value))
      const result = name === "adapt" ? f(args[0], placementsOf(args[1])) : f(...made)
      return applied === undefined || typeof result !== "function" ? result : taking(name, result as Any, applied)
    }
    return Object.assign(guard, f)
  }
  /** A function of the spec's, whose results have to be of a kind. */
  const giving =
    (name: string, f: Any, kind: Kind): Any =>
    (...args) => {
      const made = f(...args)
      if (!kind.holds(made))
        tell(`${name} takes a function that gives ${kind.what}, not ${shown(made)}`, `Give ${kind.what}.`, "HS1049")
      return made
    }
  /** The function that one of the language's gives, such as what stands in a pipe. */
  const taking =
    (name: string, f: Any, kind: Kind): Any =>
    (...args) => {
      if (!kind.holds(args[0]))
        tell(`${name}(…) takes ${kind.what}, not ${shown(args[0])}`, `Give it ${kind.what}.`, "HS1049")
      return f(...args)
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
          code: "HS1049",
        })
      return []
    }
    if (typeof given !== "function")
      return () => junk(Array.isArray(given) ? "a list" : given === null ? "null" : `a ${typeof given}`)
    const make = given as Any
    const checked = (...args: readonly unknown[]): unknown => {
      const before = told
      const made = make(...args)
      // What is wrong within has been told there.
      if (told > before) return []
      if (isPlacement(made)) return junk("a placement: put [ ] around it")
      if (!Array.isArray(made)) return junk(`one that gives ${made === null ? "null" : typeof made}`)
      return made.every(isPlacement) ? made : junk("one that gives a list of something else")
    }
    return Object.defineProperty(checked, "length", { value: make.length }) as Any
  }
  const guardAll = (members: Readonly<Record<string, unknown>>, prefix: string): Readonly<Record<string, unknown>> =>
    Object.fromEntries(
      Object.entries(members).map(([name, member]) => {
        const slots =
          own(functionRanges, `${prefix}${name}`) ??
          (prefix === "" && Object.hasOwn(functionKinds, name) ? [] : undefined)
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
