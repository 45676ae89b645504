/** What is wrong with an evaluated model, all at once, each at its place. */
import { closest, distance } from "fastest-levenshtein"
import type { LayerData, LinearData } from "../../dsl/layer.ts"
import type { Adaptation, ModelData, Rule } from "../../dsl/model.ts"
import { layerAt, loraTarget, networkOf } from "../../dsl/network.ts"
import type { AdapterPlacement, LoraPlacement } from "../../dsl/placement.ts"
import * as sentence from "../../dsl/sentences.ts"
import { childrenOf } from "../../dsl/tensors.ts"
import { gives, takes } from "../../dsl/widths.ts"
import type { Code } from "../codes/index.ts"
import { type ModelTensor, selects } from "./parameters.ts"

/** A problem at a recorded call site. */
export interface Problem {
  readonly at: string | undefined
  readonly code: Code
  readonly severity: "error" | "warning"
  readonly message: string
  readonly help?: string
  /** For --update: the number that would be right. */
  readonly right?: number
}

const error = (at: string | undefined, code: Code, message: string, help?: string): Problem => ({
  at,
  code,
  severity: "error",
  message,
  ...(help === undefined ? {} : { help }),
})

const digits = (n: number): string => n.toLocaleString("en-US").replaceAll(",", "_")

const isWhole = (n: number): boolean => Number.isInteger(n) && n > 0

/** Widths inside one layer and below it. */
const layerProblems = (layer: LayerData): readonly Problem[] => {
  const own: Problem[] = []
  if (layer.kind === "sequential") {
    let before = 0
    for (const child of layer.layers) {
      const next = takes([child])
      if (before !== 0 && next !== 0 && next !== before)
        own.push(error("at" in child ? child.at : layer.at, "HS1010", sentence.doesNotFollow(next, before)))
      before = gives([child]) || before
    }
  }
  if (layer.kind === "residual" && layer.takes !== layer.gives)
    own.push(error(layer.at, "HS1011", sentence.notResidual(layer.takes, layer.gives)))
  if (
    "takes" in layer &&
    layer.kind !== "sequential" &&
    layer.kind !== "residual" &&
    layer.kind !== "parallel" &&
    layer.kind !== "module"
  )
    for (const width of new Set([layer.takes, layer.gives]))
      if (!isWhole(width)) own.push(error(layer.at, "HS1021", sentence.notWhole(width)))
  return [...own, ...childrenOf(layer).flatMap(([, child]) => layerProblems(child))]
}

const startsAsIdentity = (layer: LayerData): boolean =>
  layer.kind === "residual" || (layer.kind === "sequential" && layer.layers.every(startsAsIdentity))

const adapterProblems = (placement: AdapterPlacement, width: number): readonly Problem[] => {
  const { layer, site, at } = placement
  const inside = layerProblems(layer)
  const [from, to] = [takes([layer]), gives([layer])]
  if (inside.length > 0) return inside
  if (from !== to) return [error(at, "HS1012", sentence.notAnAdapter(from, to))]
  if (from !== 0 && from !== width) return [error(at, "HS1015", sentence.wrongWidth(from, width))]
  if ((site === "afterAttention" || site === "inMlpResidual") && !startsAsIdentity(layer))
    return [
      {
        ...error(
          at,
          "HS1023",
          "this adapter starts at zero and erases what it is given: it has no residual connection of its own",
          "Wrap it: residual(sequential(…)).",
        ),
        severity: "warning",
      },
    ]
  return []
}

const linearPaths = (block: LayerData, path = ""): readonly string[] =>
  block.kind === "linear"
    ? [path]
    : childrenOf(block).flatMap(([name, child]) => linearPaths(child, path === "" ? name : `${path}.${name}`))

const loraProblems = ({ on, at }: LoraPlacement, block: LayerData | undefined): readonly Problem[] =>
  block === undefined
    ? []
    : on.flatMap((name) => {
        const target = layerAt(block, loraTarget(name).path) as LinearData | undefined
        if (target?.kind === "linear") return []
        const known = ["q", "k", "v", ...linearPaths(block)]
        return [
          error(
            at,
            "HS1020",
            `there is no linear layer '${name}' in a block`,
            `The nearest is '${closest(name, [...known])}'.`,
          ),
        ]
      })

const unique = (problems: readonly Problem[]): readonly Problem[] => [
  ...new Map(problems.map((problem) => [`${problem.at}|${problem.code}|${problem.message}`, problem])).values(),
]

const adaptationProblems = (model: ModelData, adaptation: Adaptation): readonly Problem[] => {
  const { depth, blocks, noSuchBlock, at } = adaptation
  if (model.blocks.depth === 0)
    return [error(at, "HS1014", "this model has no blocks to adapt", "Give model(…) the path of its blocks.")]
  const problems: Problem[] = []
  if (noSuchBlock !== undefined) problems.push(error(at, "HS1013", sentence.noSuchBlock(noSuchBlock, depth)))
  if (depth !== model.blocks.depth) problems.push(error(at, "HS1014", sentence.wrongDepth(depth, model.blocks.depth)))
  const bad = blocks.filter(({ rank }) => !isWhole(rank))
  if (bad.length > 0) {
    const list = bad.map(({ block, rank }) => `${rank} in block ${block}`).join(", ")
    return [
      ...problems,
      error(
        at,
        "HS1017",
        `ranks are positive whole numbers, not ${list}`,
        "For a block without adapters use without(…), or null in table([…]).",
      ),
    ]
  }
  const base = networkOf({ ...model, adaptations: [] })
  const first = layerAt(base, [...model.blocks.path.split("."), "0"])
  for (const { placements } of blocks)
    for (const placement of placements)
      problems.push(
        ...(placement.kind === "adapter"
          ? adapterProblems(placement, model.blocks.width)
          : loraProblems(placement, first)),
      )
  return problems
}

/** Names near to one that is not there. */
const nearest = (name: string, names: readonly string[]): string => {
  const near = [...new Set(names)].sort((a, b) => distance(a, name) - distance(b, name)).slice(0, 3)
  return near.length === 0
    ? ""
    : `The nearest ${near.length === 1 ? "is" : "are"} ${near.map((n) => `'${n}'`).join(", ")}.`
}

const modulePaths = (names: readonly string[]): readonly string[] =>
  names
    .flatMap((name) => name.split(".").map((_, i, parts) => parts.slice(0, i).join(".")))
    .filter((path) => path !== "")

const ruleProblems = (
  model: ModelData,
  { select, at, learn }: Rule,
  tensors: readonly ModelTensor[],
): readonly Problem[] => {
  const verb = learn ? "unfreeze" : "freeze"
  switch (select.kind) {
    case "all":
    case "adaptation":
      return []
    case "part":
      return tensors.some(({ part }) => part === select.part)
        ? []
        : [
            error(
              at,
              "HS1018",
              `${verb}: there is no part '${select.part}'`,
              nearest(
                select.part,
                tensors.map(({ part }) => part),
              ),
            ),
          ]
    case "blocks": {
      const { depth } = model.blocks
      const missing = select.blocks.filter((i) => !(Number.isInteger(i) && i >= 1 && i <= depth))
      if (missing.length > 0) return missing.map((i) => error(at, "HS1013", sentence.noSuchBlock(i, depth)))
      if (tensors.some((tensor) => selects(select, tensor, model.blocks))) return []
      const within = tensors.flatMap(({ name, block }) =>
        block === undefined
          ? []
          : [
              name
                .split(".")
                .slice(model.blocks.path.split(".").length + 1)
                .join("."),
            ],
      )
      return [
        error(
          at,
          "HS1018",
          `${verb}: blocks have no module '${select.module}'`,
          nearest(select.module ?? "", modulePaths(within)),
        ),
      ]
    }
    case "module":
    case "tensor": {
      if (tensors.some((tensor) => selects(select, tensor, model.blocks))) return []
      const names = tensors.map(({ name }) => name)
      return select.kind === "tensor"
        ? [error(at, "HS1018", `${verb}: there is no tensor '${select.name}'`, nearest(select.name, names))]
        : [
            error(
              at,
              "HS1018",
              `${verb}: there is no module '${select.path}'`,
              nearest(select.path, modulePaths(names)),
            ),
          ]
    }
  }
}

const expectationProblems = (name: string, model: ModelData, tensors: readonly ModelTensor[]): readonly Problem[] => {
  const parameters = tensors.filter(({ kind }) => kind === "parameter")
  const total = parameters.reduce((n, { size }) => n + size, 0)
  const trainable = parameters.reduce((n, { size, learns }) => n + (learns ? size : 0), 0)
  return model.expectations.flatMap((expectation): readonly Problem[] => {
    const { at } = expectation
    if (expectation.kind === "budget") {
      const { trainable: most, bytes } = expectation
      const over: Problem[] = []
      if (most !== undefined && trainable > most)
        over.push(
          error(
            at,
            "HS1019",
            `'${name}' trains ${digits(trainable)} parameters, ${digits(trainable - most)} over its budget of ${digits(most)}`,
          ),
        )
      if (bytes !== undefined && 4 * trainable > bytes)
        over.push(
          error(
            at,
            "HS1019",
            `'${name}' trains ${digits(4 * trainable)} bytes in float32, ${digits(4 * trainable - bytes)} over its budget of ${digits(bytes)}`,
          ),
        )
      return over
    }
    const counted = expectation.kind === "trainable" ? trainable : total
    if (counted === expectation.count) return []
    if (expectation.kind === "trainable" && trainable === 0) return [error(at, "HS1016", sentence.nothingLearns)]
    const verb = expectation.kind === "trainable" ? "trains" : "has"
    const code = expectation.kind === "trainable" ? "HS1003" : "HS1004"
    return [
      {
        ...error(
          at,
          code,
          `'${name}' ${verb} ${digits(counted)} parameters, not ${digits(expectation.count)}`,
          "Correct the model or the number; --update writes the number.",
        ),
        right: counted,
      },
    ]
  })
}

/** Everything that can be told without running the layers. Counts are checked only of what is otherwise whole. */
export const modelProblems = (name: string, model: ModelData, tensors: readonly ModelTensor[]): readonly Problem[] => {
  const { family } = model
  const layers = family.kind === "layer" ? layerProblems(family.layer) : []
  const structure = unique([
    ...layers,
    ...model.adaptations.flatMap((adaptation) => adaptationProblems(model, adaptation)),
    ...model.rules.flatMap((rule) => ruleProblems(model, rule, tensors)),
  ])
  return structure.some(({ severity }) => severity === "error")
    ? structure
    : [...structure, ...expectationProblems(name, model, tensors)]
}
