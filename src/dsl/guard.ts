/**
 * The language as a spec gets it: each public function looks at its numbers first (ranges.ts). What makes no sense is kept for the compiler, with its place, and
 * a number that does takes its place, so that the rest of the spec can be told about as well. Nothing is thrown.
 */
import { isPlacement, isRecord, isTable, type Kind, shown } from "./kinds.ts"
import { own } from "./own.ts"
import { callSite, thrownWithin } from "./place.ts"
import { type Each, eachText, functionRanges, isWithin, type Range, rangeText, relations, type Slot } from "./ranges.ts"
import { functionKinds, misfits } from "./signatures.ts"

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

/** What is not as it has to be: its path, what is asked for, what was given. */
type Say = (path: string, asked: string, got: string, code: Senseless["code"]) => void
type Any = (...args: readonly unknown[]) => unknown

type Options = { readonly options: Readonly<Record<string, Slot>> }
const isOptions = (slot: object | undefined): slot is Options => slot !== undefined && "options" in slot
const isEach = (slot: object): slot is Each => "each" in slot

/** A number that fits, for one that does not: what follows is told as if it had been given. */
const instead = ({ least, above, most, below }: Range): number =>
  Math.min(
    Math.max(1, least ?? (above === undefined ? 1 : above + 1)),
    most ?? Infinity,
    below === undefined ? Infinity : below / 2,
  )

const number = (range: Range, value: unknown, path: string, say: Say): unknown => {
  if (isWithin(range, value)) return value
  say(path, rangeText(range), shown(value), "HS1040")
  return instead(range)
}
const several = (slot: Each, value: unknown, path: string, say: Say): unknown => {
  const { each, as, orNull } = slot
  if (!Array.isArray(value) && (as === "pair" || as === "many")) return number(each, value, path, say)
  if (!Array.isArray(value)) {
    say(path, eachText(slot), shown(value), "HS1040")
    return as === "both" || as === "two" ? [instead(each), instead(each)] : []
  }
  const seen = Array.from(value, (one) => (orNull && one === null ? one : number(each, one, path, say)))
  if (as === undefined || as === "many" || seen.length === 2) return seen
  say(path, eachText(slot), shown(value), "HS1040")
  return [seen[0] ?? instead(each), seen[0] ?? instead(each)]
}
/** Looks at the numbers of a value, and gives it with others in place of those that make no sense. */
const looked = (slot: Slot, kind: Kind | undefined, value: unknown, path: string, say: Say): unknown => {
  // What is left out, such as the parts that an option of several has not.
  if (value === undefined) return value
  if (slot === undefined || isOptions(slot)) {
    const [numbers, fields] = [slot?.options ?? {}, kind?.fields]
    if (slot === undefined && fields === undefined) return value
    if (!isRecord(value)) {
      if (kind === undefined) say(path, "an object of options", shown(value), "HS1049")
      return value
    }
    const within = (name: string) => (path === "" ? name : `${path}.${name}`)
    for (const name of kind?.needed ?? [])
      if (value[name] === undefined && own(numbers, name) !== undefined)
        looked(own(numbers, name), undefined, null, within(name), (at, asked, _, code) =>
          say(at, asked, "undefined", code),
        )
    return Object.fromEntries(
      Object.entries(value).map(([name, inner]) => [
        name,
        looked(own(numbers, name), own(fields ?? {}, name), inner, within(name), say),
      ]),
    )
  }
  return isEach(slot) ? several(slot, value, path, say) : number(slot, value, path, say)
}
/** Options that a function does not have; where nothing is known of its options, none are looked for. */
const unknownOptions = (
  slot: Slot,
  kind: Kind | undefined,
  value: unknown,
  path: string,
): readonly (readonly [path: string, known: readonly string[]])[] => {
  const closed = kind === undefined ? isOptions(slot) : kind.fields !== undefined && kind.open !== true
  if (!isRecord(value) || !closed) return []
  const numbers = isOptions(slot) ? slot.options : {}
  const fields = kind?.fields ?? {}
  const known = [...new Set([...Object.keys(fields), ...Object.keys(numbers)])]
  return Object.entries(value).flatMap(([name, inner]) => {
    const at = path === "" ? name : `${path}.${name}`
    return known.includes(name)
      ? unknownOptions(own(numbers, name), own(fields, name), inner, at)
      : [[at, known] as const]
  })
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
  const said = new Set<string>()
  /** `about`: the argument that is wrong. A function that is asked once for each block, or again and again, says it once. */
  const tell = (message: string, help: string, code: Senseless["code"], about = message): void => {
    const at = callSite()
    told += 1
    const key = `${at}|${code}|${about}`
    if (said.has(key)) return
    said.add(key)
    senseless.push({ ...(at === undefined ? {} : { at }), message, help, code })
  }
  /** What JavaScript itself throws out of this language is told as what it was called with. */
  const safely = <A>(title: string, before: number, work: () => A): A => {
    try {
      return work()
    } catch (problem) {
      // What was told already, here or within, is not told again.
      if (told === before && problem instanceof Error && problem.constructor !== Error && thrownWithin(problem))
        tell(
          `${title} can do nothing with what it is given`,
          "Look at its arguments: one of them is not what its type asks for.",
          "HS1049",
        )
      throw problem
    }
  }
  const wrapped = (name: string, f: Any): Any => {
    const { of = [], gives, applied } = own(functionKinds, name) ?? {}
    const slots = own(functionRanges, name) ?? []
    const title = name.replace(/^forward\./, "").replace(/^at\./, "at(…).")
    const guard = (...args: readonly unknown[]): unknown => {
      const before = told
      const sayOf =
        (i: number): Say =>
        (path, asked, got, code) =>
          tell(
            code === "HS1040"
              ? `${path === "" ? title : `${title}: ${path}`} is ${asked}, not ${got}`
              : `${path === "" ? `${title} takes` : `${title}: ${path} is`} ${asked}, not ${got}`,
            `Give ${asked}.`,
            code,
            `${title} ${i} ${path}`,
          )
      const wrong = misfits(name, args, f.length)
      for (const { i, path, asked, got } of wrong) sayOf(i)(path, asked, got, "HS1049")
      if (name === "chain") for (const key of wholeNames(args[0])) tell(wholeName(key), wholeNameHelp, "HS1051")
      if (expectations.has(name)) {
        const at = callSite()
        if (at !== undefined) expected.push(at)
      }
      for (const { argument: i, called, isOption, range } of own(relations, name)?.(args) ?? []) {
        const given = args[i]
        const numbers = isOption
          ? isTable(given)
            ? own(given as Readonly<Record<string, unknown>>, called)
            : []
          : given
        for (const value of [numbers].flat())
          if (typeof value === "number" && !isWithin(range, value))
            sayOf(i)(called, rangeText(range), shown(value), "HS1040")
      }
      const seen = Array.from({ length: Math.max(args.length, f.length) }, (_, i) => {
        const [slot, kind, value, say] = [slots[i], of[i], args[i], sayOf(i)]
        for (const [path, known] of unknownOptions(slot, kind, value, ""))
          tell(`${title}: there is no option '${path}'`, `Its options are ${known.join(", ")}.`, "HS1049")
        // What a number may be else, such as a schedule, has been looked at as such; so has what is missing and is no number.
        const other = kind !== undefined && kind.fields === undefined && typeof value !== "number"
        if (other && !Array.isArray(value) && !isOptions(slot)) return value
        if (value === undefined && i < f.length && kind === undefined && slot !== undefined) {
          if (isOptions(slot)) say("", "an object of options", "undefined", "HS1049")
          else looked(slot, kind, null, "", (path, asked, _, code) => say(path, asked, "undefined", code))
          return value
        }
        return kind !== undefined && !kind.holds(value) ? value : looked(slot, kind, value, "", say)
      })
      const made =
        gives === undefined
          ? seen
          : seen.map((value) => (typeof value === "function" ? giving(title, value as Any, gives) : value))
      const result = safely(title, before, () =>
        name === "adapt" ? f(args[0], placementsOf(args[1])) : f(...made.slice(0, args.length)),
      )
      if (name === "at") return guardAll(result as Readonly<Record<string, unknown>>, "at.")
      return applied === undefined || typeof result !== "function" ? result : taking(title, result as Any, applied)
    }
    return Object.assign(guard, f)
  }
  /** A function of the spec's, whose results have to be of a kind. */
  const giving = (name: string, f: Any, kind: Kind): Any =>
    Object.defineProperty(
      (...args: readonly unknown[]) => {
        const made = f(...args)
        if (!kind.holds(made))
          tell(`${name} takes a function that gives ${kind.what}, not ${shown(made)}`, `Give ${kind.what}.`, "HS1049")
        return made
      },
      // Some are asked otherwise where they take more.
      "length",
      { value: f.length },
    ) as Any
  /** The function that one of the language's gives, such as what stands in a pipe. */
  const taking =
    (name: string, f: Any, kind: Kind): Any =>
    (...args) => {
      const before = told
      if (!kind.holds(args[0]))
        tell(`${name}(…) takes ${kind.what}, not ${shown(args[0])}`, `Give it ${kind.what}.`, "HS1049")
      return safely(`${name}(…)`, before, () => f(...args))
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
        const known = Object.hasOwn(functionKinds, prefix + name) || Object.hasOwn(functionRanges, prefix + name)
        return [name, known && typeof member === "function" ? wrapped(prefix + name, member as Any) : member]
      }),
    )
  const { forward, ...rest } = language
  return {
    language: { ...guardAll(rest, ""), forward: guardAll(forward as Readonly<Record<string, unknown>>, "forward.") },
    senseless,
    expected,
  }
}
