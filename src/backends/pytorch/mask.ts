/**
 * The freeze mask as a few patterns: the highest modules under which every parameter learns, block numbers as `*` where that
 * selects nothing else. A list of names would say the same in hundreds of lines.
 */

export interface Named {
  readonly name: string
  /** Is it among those to be selected? */
  readonly chosen: boolean
}

/** Does a pattern select a tensor? `*` stands for one name; a pattern selects all that is under it. */
export const selects = (pattern: string, name: string): boolean => {
  const wanted = pattern.split(".")
  const parts = name.split(".")
  return pattern === "" || (wanted.length <= parts.length && wanted.every((w, i) => w === "*" || w === parts[i]))
}

/** Patterns that select exactly the chosen ones. */
export const patternsOf = (parameters: readonly Named[]): readonly string[] => {
  const others = parameters.filter(({ chosen }) => !chosen).map(({ name }) => name)
  const chosen = parameters.filter(({ chosen }) => chosen).map(({ name }) => name)
  const otherUnder = new Set(others.flatMap(pathsAbove))
  const allowed = (pattern: string) => others.every((name) => !selects(pattern, name))

  const highest = [...new Set(chosen.map((name) => pathsAbove(name).find((path) => !otherUnder.has(path))!))]
  const widened = highest.map((path) => {
    const parts = path.split(".")
    for (const [i, part] of parts.entries()) {
      if (!/^\d+$/.test(part)) continue
      const wide = [...parts.slice(0, i), "*", ...parts.slice(i + 1)]
      if (allowed(wide.join("."))) parts[i] = "*"
    }
    return parts.join(".")
  })
  const unique = [...new Set(widened)]
  return unique.filter((p) => !unique.some((q) => q !== p && selects(q, p)))
}

/** "", encoder, encoder.blocks, …, the name itself. */
const pathsAbove = (name: string): readonly string[] => {
  const parts = name.split(".")
  return ["", ...parts.map((_, i) => parts.slice(0, i + 1).join("."))]
}
