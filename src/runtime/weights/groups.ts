import { shown } from "./text.ts"

/** Long lists of names, short: encoder.blocks.{0…11}.norm1.{weight, bias}. */

const number = /\.(\d+)\./

const spans = (numbers: readonly number[]): string => {
  const sorted = [...new Set(numbers)].sort((a, b) => a - b)
  const runs: [number, number][] = []
  for (const n of sorted) {
    const last = runs[runs.length - 1]
    if (last !== undefined && last[1] === n - 1) last[1] = n
    else runs.push([n, n])
  }
  return runs
    .map(([from, to]) => (from === to ? `${from}` : to === from + 1 ? `${from}, ${to}` : `${from}…${to}`))
    .join(", ")
}

const gather = <V>(pairs: readonly (readonly [string, V])[]): ReadonlyMap<string, readonly V[]> => {
  const groups = new Map<string, V[]>()
  for (const [key, value] of pairs) groups.get(key)?.push(value) ?? groups.set(key, [value])
  return groups
}

const braces = (items: string): string => (items.includes(",") || items.includes("…") ? `{${items}}` : items)

/** At most `limit` patterns that cover the names, and how many names more there are. */
export const grouped = (names: readonly string[], limit = 6): string => {
  const leaves = gather(
    names.map((name) => {
      const dot = name.lastIndexOf(".")
      return [name.slice(0, dot + 1), name.slice(dot + 1)] as const
    }),
  )
  const modules = [...leaves].map(([parent, ends]) => ({
    pattern: `${parent}${braces(ends.join(", "))}`,
    count: ends.length,
  }))
  const numbered = gather(
    modules.map(({ pattern, count }) => {
      const found = number.exec(pattern)
      return [pattern.replace(number, ".#."), { count, index: found === null ? -1 : Number(found[1]) }] as const
    }),
  )
  const patterns = [...numbered].map(([pattern, members]) => ({
    text: pattern.replace(".#.", `.${braces(spans(members.map(({ index }) => index)))}.`),
    count: members.reduce((sum, { count }) => sum + count, 0),
  }))
  const rest = patterns.slice(limit).reduce((sum, { count }) => sum + count, 0)
  const listed = patterns.slice(0, limit).map(({ text }) => shown(text))
  return rest === 0 ? listed.join(", ") : `${listed.join(", ")} and ${rest.toLocaleString("en-US")} more`
}
