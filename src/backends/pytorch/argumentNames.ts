/** What a class calls the numbers that it is made with. */
import type { ModuleData } from "../../dsl/layer.ts"
import { snake } from "./python.ts"

const ofField: Readonly<Record<string, string>> = {
  takes: "in_features",
  gives: "out_features",
  rows: "rows",
  groups: "groups",
  size: "window_size",
  by: "scale",
  p: "drop_path",
}

/**
 * A name for the number at a place (numbers.ts). `rank` in adapters; the module's own widths as PyTorch calls them; widths only
 * inside it `hidden_features`; of tables, `positions`.
 */
export const argumentName = (
  place: string,
  values: readonly number[],
  modules: readonly ModuleData[],
  taken: (name: string) => boolean,
): string => {
  const [path, field] = place.split(":") as [string, string]
  const [child, ...deeper] = path.split("/") as [string, ...string[]]
  const whole = snake([child, ...deeper].join("_"))
  const plain = suggestion(child, field, values, modules)
  if (!taken(plain)) return plain
  const prefixed = `${whole}_${plain}`
  for (let n = 2; ; n++) {
    const name = n === 2 ? prefixed : `${prefixed}_${n}`
    if (!taken(name)) return name
  }
}

const suggestion = (
  child: string,
  field: string,
  values: readonly number[],
  modules: readonly ModuleData[],
): string => {
  const same = (of: (m: ModuleData) => number) => modules.every((m, i) => of(m) === values[i])
  if (child.startsWith("step ")) return ofField[field] ?? field.replace("sizes.", "")
  if (field.startsWith("lora.")) return field.endsWith(".rank") ? "rank" : `lora_${field.split(".").at(-1)}`
  if (field.startsWith("shape.")) return field === "shape.0" ? "positions" : `extent_${field.slice(6)}`
  if (child in (modules[0]!.added ?? {})) return "rank"
  if (same((m) => m.takes) && same((m) => m.gives)) return "features"
  if (same((m) => m.takes)) return "in_features"
  if (same((m) => m.gives)) return "out_features"
  return field === "takes" || field === "gives" ? "hidden_features" : (ofField[field] ?? field)
}
