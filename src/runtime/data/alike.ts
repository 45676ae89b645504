/** A fault that many files share is told once, with their number and the first of them. */
import { relative } from "node:path"
import type { Diagnostic } from "../../compiler/diagnostic.ts"

const shown = 5

/** Diagnostics of one code and one cure become one, in the place of the first. */
export const toldOnce = (root: string, diagnostics: readonly Diagnostic[]): readonly Diagnostic[] => {
  const groups = new Map<string, Diagnostic[]>()
  for (const one of diagnostics) {
    const key = `${one.severity} ${one.code} ${kindOf(one)}`
    const group = groups.get(key)
    if (group === undefined) groups.set(key, [one])
    else group.push(one)
  }
  return [...groups.values()].map(([first, ...others]) => {
    if (others.length === 0) return first!
    const named = others.slice(0, shown - 1).map((one) => placeOf(root, one))
    const more = others.length >= shown ? ", …" : ""
    return {
      ...first!,
      message: `${first!.message}; the same of ${others.length} more: ${named.join(", ")}${more}`,
    }
  })
}

/** The cure is the same for all of a kind; where there is none, the message without what is named in it. */
const kindOf = ({ help, message }: Diagnostic): string => help ?? message.replace(/'[^']*'/g, "")

const placeOf = (root: string, { file, line }: Diagnostic): string => {
  const near = relative(root, file)
  const name = near === "" || near.startsWith("..") ? file.split(/[\\/]/).at(-1)! : near
  return line > 0 ? `line ${line}` : name
}
