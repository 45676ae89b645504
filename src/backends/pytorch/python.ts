/** Pieces of Python source: expressions that know how tightly they bind, and statements laid out as black does. */

import { layerNames } from "./package/files.ts"

/** Black's line length. */
export const columns = 88

/** How tightly an expression binds: what it needs parentheses against. */
export type Binding = "sum" | "product" | "unary" | "atom"
const strength: Readonly<Record<Binding, number>> = { sum: 0, product: 1, unary: 2, atom: 3 }

/** An expression on one line, and how it may be broken. */
export interface Expr {
  readonly flat: string
  readonly binding: Binding
  /** A head, arguments with a line each, an end. */
  readonly broken?: { readonly head: string; readonly args: readonly Expr[]; readonly end: string }
  /** A comprehension: what for what, in brackets. */
  readonly clauses?: readonly string[]
  /** Terms of a sum, each with its sign, for a line each. */
  readonly terms?: readonly string[]
  /** Calls of methods one after another, for a line each. */
  readonly links?: readonly string[]
  /** Broken even where it would fit on a line. */
  readonly always?: boolean
  /** Said behind it, where it has a line of its own. */
  readonly comment?: string
}
type Part = Expr | string

/** A name, a number, or text that binds as tightly. */
export const atom = (flat: string): Expr => ({ flat, binding: "atom" })
const expr = (part: Part): Expr => (typeof part === "string" ? atom(part) : part)

/** `head items end` in brackets; broken, each item has its line. */
export const bracketed = (head: string, items: readonly Part[], end: string): Expr => {
  const args = items.map(expr)
  return {
    flat: `${head}${args.map(({ flat }) => flat).join(", ")}${end}`,
    binding: "atom",
    ...(args.length > 0 ? { broken: { head, args, end } } : {}),
  }
}
/** `head(args)` */
export const call = (head: string, ...args: readonly Part[]): Expr => bracketed(`${head}(`, args, ")")
/** `(a, b)` */
export const tuple = (items: readonly Part[]): Expr =>
  items.length === 1 ? atom(`(${expr(items[0]!).flat},)`) : bracketed("(", items, ")")
/** `[a, b]` */
export const list = (items: readonly Part[]): Expr => bracketed("[", items, "]")

/** `[body for …]` */
export const comprehension = (body: string, over: string): Expr => ({
  flat: `[${body} ${over}]`,
  binding: "atom",
  clauses: [body, over],
})

/** `name=value` inside a call. */
export const keyword = (name: string, value: Part): Expr => {
  const { links: _, ...e } = expr(value)
  return {
    ...e,
    flat: `${name}=${e.flat}`,
    ...(e.broken === undefined ? {} : { broken: { ...e.broken, head: `${name}=${e.broken.head}` } }),
  }
}

/** In parentheses unless it binds at least as tightly as `least`. */
export const bound = (e: Expr, least: Binding): string =>
  strength[e.binding] >= strength[least] ? e.flat : `(${e.flat})`

const sum =
  (operator: "+" | "-", right: Binding) =>
  (a: Expr, b: Expr): Expr => ({
    flat: `${bound(a, "sum")} ${operator} ${bound(b, right)}`,
    binding: "sum",
    terms: [...(a.terms ?? [a.flat]), `${operator} ${bound(b, right)}`],
  })
const product =
  (operator: string) =>
  (a: Expr, b: Expr): Expr => ({
    flat: `${bound(a, "product")} ${operator} ${bound(b, "unary")}`,
    binding: "product",
  })
export const plus = sum("+", "sum")
export const minus = sum("-", "product")
export const times = product("*")
export const over = product("/")
export const at = product("@")
export const negative = (a: Expr): Expr => ({ flat: `-${bound(a, "unary")}`, binding: "unary" })
/** `x.name(args)` */
export const method = (x: Expr, name: string, ...args: readonly Part[]): Expr => {
  const link = call(`.${name}`, ...args).flat
  const links = x.links === undefined ? [`${bound(x, "atom")}${link}`] : [...x.links, link]
  return { ...call(`${bound(x, "atom")}.${name}`, ...args), links }
}
/** `x[index]` */
export const item = (x: Expr, index: string): Expr => atom(`${bound(x, "atom")}[${index}]`)

/** 12288 → 12_288; 1e-6 → 1e-06, as Python prints it. */
export const number = (x: number): string => {
  if (x < 0) return `-${number(-x)}`
  if (Number.isInteger(x) && x < 2 ** 53) return underscored(x)
  const text = x < 1e-4 ? x.toExponential() : `${x}`
  return text.replace(/e([+-])(\d)$/, "e$10$2")
}
/** 10000 → 10_000; four digits stay together. */
export const underscored = (x: number): string => (x < 10_000 ? `${x}` : grouped(x).replaceAll(",", "_"))
/** 10000 → 10,000, for readers. */
export const grouped = (x: number): string => `${x}`.replace(/\B(?=(\d{3})+$)/g, ",")
/** A Python float even where the value is whole. */
export const float = (x: number): string => (Number.isInteger(x) && Math.abs(x) < 2 ** 53 ? `${x}.0` : number(x))
export const string = (x: string): string => JSON.stringify(x)

const mustBreak = (e: Expr): boolean => e.always === true || (e.broken?.args ?? []).some(mustBreak)

/** Lines of `prefix expr suffix`, broken at its brackets where it is too long for a line. */
export const laidOut = (prefix: string, e: Expr, suffix: string, indent: number): readonly string[] => {
  const pad = " ".repeat(indent)
  const line = `${pad}${prefix}${e.flat}${suffix}`
  const commented = e.comment === undefined ? line : `${line}  # ${e.comment}`
  if (line.length <= columns && !mustBreak(e)) return [commented.length <= columns ? commented : line]
  if (e.terms !== undefined) {
    const inner = e.terms.map((term) => `${pad}    ${term}`)
    return [`${pad}${prefix}(`, ...inner, `${pad})${suffix}`]
  }
  if (e.clauses !== undefined)
    return [`${pad}${prefix}[`, ...e.clauses.map((clause) => `${pad}    ${clause}`), `${pad}]${suffix}`]
  if (e.broken === undefined) return [line]
  const { head, args, end } = e.broken
  if (e.links !== undefined && pad.length + prefix.length + head.length > columns)
    return [`${pad}${prefix}(`, ...e.links.map((link) => `${pad}    ${link}`), `${pad})${suffix}`]
  // A comma behind a single argument says nothing.
  const comma = args.length > 1 ? "," : ""
  return [
    `${pad}${prefix}${head}`,
    ...args.flatMap((arg) => laidOut("", arg, comma, indent + 4)),
    `${pad}${end}${suffix}`,
  ]
}

const longest = (lines: readonly string[]): number => Math.max(...lines.map((line) => line.length))
/** Width of the longest line that the expression needs, given room to break once. */
export const narrowest = ({ flat, terms, broken }: Expr): number => {
  // Two terms of which the last ends in a bracket are broken there by black, which reads badly.
  if (terms !== undefined) return terms.length === 2 && /[)\]]$/.test(flat) ? Number.POSITIVE_INFINITY : longest(terms)
  if (broken === undefined) return flat.length
  return longest([broken.head, ...broken.args.flatMap((arg) => arg.clauses ?? [arg.flat])])
}

/** A statement `target = expr`. */
export const assign = (target: string, e: Expr, indent: number): readonly string[] =>
  laidOut(`${target} = `, e, "", indent)

/** Words of Python's. */
export const keywords: ReadonlySet<string> = new Set(
  `False None True and as assert async await break class continue def del elif else except finally for from global if
  import in is lambda nonlocal not or pass raise return try while with yield`.split(/\s+/),
)
/** Words that no variable may be called. */
const reserved = new Set([
  ...keywords,
  ..."self torch nn math len sum float int tuple list dict Tensor F starting".split(" "),
  ...layerNames(),
])
/** camelCase → snake_case, and no reserved word. */
export const snake = (name: string): string => {
  const plain = name
    .replace(/([a-z0-9])([A-Z])/g, "$1_$2")
    .replace(/\W/g, "_")
    .toLowerCase()
  return reserved.has(plain) ? `${plain}_` : /^\d/.test(plain) ? `v${plain}` : plain
}
/** Can this follow a dot, or be an argument's name? `0` and `lambda` cannot, though they may be names of children. */
export const isIdentifier = (name: string): boolean => /^[A-Za-z_]\w*$/.test(name) && !keywords.has(name)
/** self.norm, or getattr(self, "0"). */
export const attribute = (name: string): string =>
  isIdentifier(name) ? `self.${name}` : `getattr(self, ${string(name)})`
/** patch_embed → PatchEmbed */
export const pascal = (name: string): string =>
  name
    .split(/[^A-Za-z0-9]+/)
    .map((word) => word.charAt(0).toUpperCase() + word.slice(1))
    .join("")
