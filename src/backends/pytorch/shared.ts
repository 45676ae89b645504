/** Layers that stand in several places of a network: one module, with its tensors where it stands first. */
import type { LayerData } from "../../dsl/layer.ts"
import { childrenOf, join, sharedPaths } from "../../dsl/tensors.ts"

/** Path of each further place → that of the first. */
export const sharedIn = (network: LayerData): Readonly<Record<string, string>> => {
  const first = sharedPaths(network)
  const found: Record<string, string> = {}
  const walk = (path: string, layer: LayerData): void => {
    const here = layer.kind === "shared" ? first.get(layer.id) : path
    if (here !== undefined && here !== path) found[path] = here
    else for (const [name, child] of childrenOf(layer)) walk(join(path, name), child)
  }
  walk("", network)
  return found
}
