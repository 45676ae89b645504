/** What can be said of a module's steps before they are printed. */
import type { LayerData, ModuleData, ReadStep, Step } from "../../dsl/layer.ts"
import { childrenOf, tensorsOf } from "../../dsl/tensors.ts"
import { attribute, isIdentifier } from "./python.ts"

export const outsOf = (step: Step): readonly string[] => ("outs" in step ? step.outs : [step.out])
export const argsOf = (step: Step): readonly string[] => ("read" in step ? [] : step.args)

/** Names that a forward gave; the others are numbered after the step that made them (define.ts), or come from placements. */
export const isNamed = (module: ModuleData, step: Step, out: string): boolean => {
  const prefix = "fn" in step ? step.fn : "call" in step ? step.call : step.read
  const numbered = out.startsWith(prefix) && /^\d+$/.test(out.slice(prefix.length))
  const placed = Object.keys(module.added ?? {}).some((child) => out.startsWith(child))
  return !numbered && !placed && !out.includes("_before_")
}

/** A layer itself, where it is shared with other places. */
export const bare = (layer: LayerData): LayerData => (layer.kind === "shared" ? bare(layer.layer) : layer)

/** The layer that a call or read means. */
export const calledLayer = (module: ModuleData, name: string, index?: number): LayerData => {
  const child = bare(module.children[name]!)
  return child.kind === "list" ? bare(child.layers[index ?? 0]!) : child
}

/** Values that are None when an input was not given. */
export const mayBeNone = (module: ModuleData): ReadonlySet<string> => {
  const none = new Set(module.optional)
  for (const step of module.steps) {
    if ("fn" in step && step.fn === "either" && step.args.length === 1) none.add(step.out)
    if (!("call" in step)) continue
    const child = calledLayer(module, step.call, step.index)
    if (child.kind !== "module") continue
    const names = optionalOutputs(child)
    Object.keys(child.outputs).forEach((name, i) => {
      if (names.has(name)) none.add(step.outs[i]!)
    })
  }
  return none
}

/** Outputs that are None when an input was not given. */
export const optionalOutputs = (module: ModuleData): ReadonlySet<string> => {
  const none = mayBeNone(module)
  return new Set(Object.entries(module.outputs).flatMap(([name, value]) => (none.has(value) ? [name] : [])))
}

/** self.iou_token.weight, self.pos_embed: a tensor of a child, as a forward says it. */
export const tensorText = (module: ModuleData, { read, index }: ReadStep): string => {
  const isTable = calledLayer(module, read, index).kind === "embedding"
  // Type checkers know that get_parameter gives a tensor; of what a list holds they know nothing.
  if (index !== undefined) return `${attribute(read)}.get_parameter("${index}${isTable ? ".weight" : ""}")`
  return isTable ? `${attribute(read)}.weight` : attribute(read)
}

/** Does a path go through attributes, and through items of lists only where it has numbers? */
const isPlain = (layer: LayerData, [name, ...rest]: readonly string[]): boolean => {
  if (name === undefined) return true
  const child = childrenOf(layer).find(([own]) => own === name)?.[1]
  const fits = layer.kind === "module" ? isIdentifier(name) : true
  return fits && (child === undefined || isPlain(child, rest))
}

/** Any tensor of a module, as its forward says it. */
export const someTensor = (module: ModuleData): string => {
  const [first] = tensorsOf(module)
  if (first === undefined) return "next(self.parameters())"
  if (!isPlain(module, first.name.split("."))) return `next(self.${first.kind}s())`
  return `self.${first.name.replace(/\.(\d+)(?=\.)/g, "[$1]")}`
}

/** Is the embedding at this path (numbers.ts) called with ids, and not only read as a table? */
export const isCalled = (module: ModuleData, path: string): boolean => {
  const [child] = path.split("/")
  return module.steps.some((step) => "call" in step && step.call === child)
}
