/** Why a checkpoint does not fit a model, guessed from names and shapes. Pure. */
import { architectureCauses, type Named } from "./families/index.ts"
import { shown } from "./text.ts"
import { wrappedCause, wrappedLora } from "./wrapped.ts"

const adapterParts = [".after_attention.", ".in_mlp_residual.", ".beside_mlp.", ".beside_mlp_residual.", ".lora_"]
const isAdapter = ({ name }: Named): boolean =>
  adapterParts.some((part) => name.includes(part)) || /^w_[ab]_\d+$/.test(name)
const partOf = ({ name }: Named): string => name.split(".")[0]!

/** A prefix that the file's names lack or have too much, if that explains most of them. */
const shifted = (model: readonly Named[], file: readonly Named[]): readonly string[] => {
  const [theirs] = file
  const names = new Set(model.map(({ name }) => name))
  const share = (rename: (name: string) => string) => file.filter(({ name }) => names.has(rename(name))).length
  if (theirs === undefined || share((name) => name) > 0) return []
  for (const { name } of model) {
    if (name.endsWith(`.${theirs.name}`)) {
      const prefix = name.slice(0, -theirs.name.length)
      if (2 * share((n) => prefix + n) > file.length) return [`the file's names lack '${prefix}' in front`]
    }
    if (theirs.name.endsWith(`.${name}`)) {
      const prefix = theirs.name.slice(0, -name.length)
      if (2 * share((n) => (n.startsWith(prefix) ? n.slice(prefix.length) : n)) > file.length)
        return [`the file's names have '${prefix}' in front: save the state dict of that inner module`]
    }
  }
  return []
}

/** What of the model is not in the file at all. */
const absent = (model: readonly Named[], file: readonly Named[], missing: readonly Named[]): readonly string[] => {
  if (file.length > 0 && file.every(isAdapter) && !model.every(isAdapter))
    return ["the file holds adapters only; the base is another file"]
  if (missing.length > 0 && missing.every(isAdapter))
    return ["the file lacks the model's adapters: it is a base, or of another placement or rank"]
  const lost = new Set(missing.map(partOf))
  const whole = [...lost].filter((part) => model.every((tensor) => partOf(tensor) !== part || missing.includes(tensor)))
  const kept = new Set(model.map(partOf)).size - whole.length
  return whole.length > 0 && kept > 0
    ? [`the file has nothing of ${whole.map((part) => `'${part}'`).join(" and ")}`]
    : []
}

/** The likely causes, the likelier first; names of both sides are the model's own. */
export const likelyCauses = (
  model: readonly Named[],
  file: readonly Named[],
  missing: readonly Named[],
): readonly string[] => {
  if (file.length === 0) return ["the file holds no tensors"]
  const known = new Set(model.map(({ name }) => name))
  const extra = file.filter(({ name }) => !known.has(name))
  const wrapped = wrappedLora(file.map(({ name }) => name))
  if (wrapped !== undefined && !file.every(isAdapter)) return [wrappedCause(wrapped)]
  const causes = [
    ...architectureCauses(model, file),
    ...shifted(model, file),
    ...absent(model, file, missing),
    ...(extra.length > 0 && extra.every(isAdapter) && !file.every(isAdapter)
      ? ["the file has adapters that the model lacks"]
      : []),
  ]
  if (causes.length > 0) return causes
  return extra.length === file.length
    ? [`no name of the file is the model's (such as '${shown(extra[0]!.name)}'): it is of another architecture`]
    : []
}
