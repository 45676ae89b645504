/** Names inside freeze("…"), inBlocks("…"), submodule("…") and tensor("…"): those that the spec's models have. */
import type { ModelReport } from "../../compiler/report/report.ts"

export interface Completion {
  readonly name: string
  /** What stands beside the name in the list. */
  readonly detail: string
}
/** What is completed at a place, and how much of it is written. */
export interface Wanted {
  readonly call: "freeze" | "unfreeze" | "inBlocks" | "submodule" | "tensor"
  readonly written: string
}

/** The string that the cursor is in, where it is an argument of a selector. */
export const wantedAt = (before: string): Wanted | undefined => {
  const found = /\b(freeze|unfreeze|inBlocks|submodule|tensor)\(([^()]*)$/.exec(before)
  if (found === null) return undefined
  const [, call, rest] = found as unknown as [string, Wanted["call"], string]
  const open = /(?:^|[,\s])["']([^"']*)$/.exec(rest.replaceAll(/"[^"\n]*"|'[^'\n]*'/g, ""))
  return open === null ? undefined : { call, written: open[1]! }
}

const parameters = (n: number): string => `${n.toLocaleString("en-US")} parameter${n === 1 ? "" : "s"}`

const sizeOf = (shape: readonly number[]): number => shape.reduce((product, extent) => product * extent, 1)

/** Every module, with what is in it. */
const modulesOf = (tensors: ModelReport["tensors"]): ReadonlyMap<string, number> => {
  const sizes = new Map<string, number>()
  for (const { name, shape, kind } of tensors) {
    const steps = name.split(".")
    const size = kind === "parameter" ? sizeOf(shape) : 0
    for (let depth = 1; depth < steps.length; depth += 1) {
      const module = steps.slice(0, depth).join(".")
      sizes.set(module, (sizes.get(module) ?? 0) + size)
    }
  }
  return sizes
}

/** The path of a model's blocks: the list of modules that its blocks' tensors are in. */
const blocksPath = ({ tensors, blocks }: ModelReport): string | undefined => {
  const lists = new Map<string, Set<string>>()
  for (const { name } of tensors)
    for (const [, list, index] of name.matchAll(/(?<=^|\.)([\w.]*?[a-z]\w*)\.(\d+)(?=\.)/g)) {
      const path = name.slice(0, name.indexOf(`${list}.${index}.`)) + list
      lists.set(path, (lists.get(path) ?? new Set()).add(index!))
    }
  return [...lists].find(([, indices]) => indices.size === blocks.length)?.[0]
}

const inBlock = (model: ModelReport): readonly Completion[] => {
  const path = blocksPath(model)
  if (path === undefined) return []
  const first = `${path}.0.`
  return [...modulesOf(model.tensors)]
    .filter(([module]) => module.startsWith(first))
    .map(([module, size]) => ({
      name: module.slice(first.length),
      detail: `${parameters(size)} in block 1`,
    }))
}

const listed: Readonly<Record<Wanted["call"], (model: ModelReport) => readonly Completion[]>> = {
  freeze: ({ parts }) => parts.map(({ name, total }) => ({ name, detail: parameters(total) })),
  unfreeze: ({ parts }) => parts.map(({ name, total }) => ({ name, detail: parameters(total) })),
  submodule: ({ tensors }) => [...modulesOf(tensors)].map(([name, size]) => ({ name, detail: parameters(size) })),
  tensor: ({ tensors }) =>
    tensors
      .filter(({ kind }) => kind === "parameter")
      .map(({ name, shape }) => ({ name, detail: `[${shape.join(", ")}]` })),
  inBlocks: inBlock,
}

/** Names that fit, those of all models once. */
export const completionsOf = ({ call }: Wanted, models: readonly ModelReport[]): readonly Completion[] => [
  ...new Map(models.flatMap(listed[call]).map((one) => [one.name, one])).values(),
]
