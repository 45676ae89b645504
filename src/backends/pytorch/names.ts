/**
 * Children become attributes of an nn.Module, and their names parts of the state dict's, which must not change: a name that nn.Module
 * has taken cannot be printed. Names that are no Python's, such as 0 or lambda, are reached by getattr.
 */
import { type Diagnostic, type Diagnostics, Failed } from "../../compiler/diagnostic.ts"
import type { LayerData } from "../../dsl/layer.ts"
import { childrenOf, join } from "../../dsl/tensors.ts"

/** What nn.Module itself has, and what generated classes add. */
const taken = new Set(
  `add_module apply bfloat16 buffers call_super_init children compile cpu cuda double dump_patches eval extra_repr float forward
  get_buffer get_extra_state get_parameter get_submodule half initial ipu load_state_dict modules mtia named_buffers named_children
  named_modules named_parameters parameters register_backward_hook register_buffer register_forward_hook
  register_forward_pre_hook register_full_backward_hook register_full_backward_pre_hook register_load_state_dict_post_hook
  register_load_state_dict_pre_hook register_module register_parameter register_state_dict_post_hook
  register_state_dict_pre_hook requires_grad_ set_extra_state set_submodule share_memory state_dict to to_empty train training
  type xpu zero_grad T_destination`.split(/\s+/),
)

const reason = (name: string): string | undefined => {
  if (!/^[\w-]+$/.test(name)) return "is no part of a tensor's name: letters, digits, _ and - are"
  if (taken.has(name) || name.startsWith("__")) return "is taken in nn.Module"
  return undefined
}

/** Throws HS2701 for all children of modules whose names cannot be printed. `placeOf`: file:line of a layer. */
export const checkNames = (
  network: LayerData,
  model: string,
  placeOf: (at: string | undefined) => string | undefined,
): void => {
  const found: Diagnostic[] = []
  const walk = (path: string, layer: LayerData): void => {
    for (const [name, child] of childrenOf(layer)) {
      const why = layer.kind === "module" ? reason(name) : undefined
      if (why !== undefined) {
        const [, file = model, line = "0"] = /^(.*):(\d+)$/.exec(placeOf(child.at ?? layer.at) ?? "") ?? []
        found.push({
          file,
          line: Number(line),
          column: line === "0" ? 0 : 1,
          code: "HS2701",
          severity: "error",
          message: `the child '${name}' of '${path === "" ? model : path}' ${why}`,
          help: "Give it another name in define(…).",
        })
      }
      walk(join(path, name), child)
    }
  }
  walk("", network)
  const [first, ...rest] = found
  if (first !== undefined) throw new Failed([first, ...rest] as unknown as Diagnostics)
}
