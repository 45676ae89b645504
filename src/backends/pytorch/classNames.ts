/**
 * Names for classes. Modules keep the name they were defined with; where several forms share one, what sets them apart is said:
 * WindowedBlock and GlobalBlock, FirstTwoWayAttentionBlock, ImageEncoderAttention and MaskDecoderAttention.
 */
import type { LayerData, ModuleData } from "../../dsl/layer.ts"
import { childrenOf } from "../../dsl/tensors.ts"
import { layerNames } from "./package/files.ts"
import { pascal } from "./python.ts"

interface Placed {
  readonly path: string
  readonly data: ModuleData
}
type Form = readonly Placed[]
/** A prefix for a form among others of its name, or none. */
type Trait = (form: Form, others: readonly Form[]) => string

const cutsWindows = (form: Form) => form[0]!.data.steps.some((step) => "fn" in step && step.fn === "windows")
const isFirst = (form: Form) => form.every(({ path }) => path.endsWith(".0"))
const adapted = (form: Form) => Object.keys(form[0]!.data.added ?? {}).length > 0
const hasLora = (layer: LayerData): boolean =>
  layer.kind === "linear" ? (layer.lora ?? []).length > 0 : childrenOf(layer).some(([, child]) => hasLora(child))
const ends = (form: Form) => form.every(({ path }) => path === "" || /^[^.]*$/.test(path))

const traits: readonly Trait[] = [
  (form, others) => (cutsWindows(form) ? "Windowed" : others.some(cutsWindows) ? "Global" : ""),
  (form, others) => (isFirst(form) && !others.some(isFirst) ? "First" : ""),
  (form) => {
    const parts = new Set(form.map(({ path }) => path.split(".")[0]!))
    return parts.size === 1 && !ends(form) ? pascal([...parts][0]!) : ""
  },
  (form, others) => (adapted(form) && others.some((o) => !adapted(o)) ? "Adapted" : ""),
  (form, others) => (hasLora(form[0]!.data) && others.some((o) => !hasLora(o[0]!.data)) ? "Lora" : ""),
]

/** One name a form, in their order, no two alike. */
export const classNames = (forms: readonly Form[]): readonly string[] => {
  let names = forms.map((form) => identifier(form[0]!.data.name))
  const clashes = () => {
    const groups = new Map<string, number[]>()
    names.forEach((name, i) => groups.set(name, [...(groups.get(name) ?? []), i]))
    return [...groups.values()].filter((group) => group.length > 1)
  }
  for (const trait of traits) {
    const next = [...names]
    for (const group of clashes()) {
      const prefixes = group.map((i) =>
        trait(
          forms[i]!,
          group.filter((j) => j !== i).map((j) => forms[j]!),
        ),
      )
      if (new Set(prefixes).size > 1) for (const [k, i] of group.entries()) next[i] = prefixes[k]! + names[i]!
    }
    names = next
  }
  for (const group of clashes()) for (const [k, i] of group.entries()) if (k > 0) names[i] = `${names[i]!}${k + 1}`
  return names
}

/** What model.py has beside modules. */
const taken = new Set(["Tensor", "NamedTuple", "Fill", "Formula", "Normal", "Uniform", "Values", ...layerNames()])
const identifier = (name: string): string => {
  const plain = pascal(name) || "Module"
  const safe = /^\d/.test(plain) ? `M${plain}` : plain
  return taken.has(safe) ? `${safe}Module` : safe
}
