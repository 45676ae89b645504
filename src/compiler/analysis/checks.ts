/** What is wrong with an evaluated model, all at once, each at its place. */
import { distance } from "fastest-levenshtein"
import { type BlockInfo, blocksOf, rowAt } from "../../dsl/blocks.ts"
import { grouped } from "../../dsl/grouped.ts"
import type { LayerData } from "../../dsl/layer.ts"
import type { Adaptation, Expectation, ModelData, Rule } from "../../dsl/model.ts"
import { misplacedOf } from "../../dsl/network.ts"
import type { AdapterPlacement, LadderPlacement } from "../../dsl/placement.ts"
import * as sentence from "../../dsl/sentences.ts"
import { childrenOf } from "../../dsl/tensors.ts"
import { gives, takes } from "../../dsl/widths.ts"
import type { Code } from "../codes/index.ts"
import { type ModelTensor, selects, tensorTable } from "./parameters.ts"

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

const digits = (n: number): string => grouped(n).replaceAll(",", "_")

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
    layer.kind !== "module" &&
    layer.kind !== "shared"
  )
    for (const width of new Set([layer.takes, layer.gives]))
      if (!isWhole(width)) own.push(error(layer.at, "HS1021", sentence.notWhole(width)))
  if ("groups" in layer) {
    const uneven = [...new Set([layer.takes, layer.gives])].filter((n) => isWhole(n) && n % layer.groups !== 0)
    if (uneven.length > 0)
      own.push(
        error(
          layer.at,
          "HS1040",
          `${layer.kind}: ${layer.groups} groups do not divide ${uneven.join(" or ")} features`,
          "Give a number of groups that divides the widths.",
        ),
      )
  }
  return [...own, ...childrenOf(layer).flatMap(([, child]) => layerProblems(child))]
}

/** Names near to one that is not there. */
const nearest = (name: string, names: readonly string[]): string => {
  const near = [...new Set(names)].sort((a, b) => distance(a, name) - distance(b, name)).slice(0, 3)
  return near.length === 0
    ? ""
    : `The nearest ${near.length === 1 ? "is" : "are"} ${near.map((n) => `'${n}'`).join(", ")}.`
}

const startsAsIdentity = (layer: LayerData): boolean =>
  layer.kind === "residual" || (layer.kind === "sequential" && layer.layers.every(startsAsIdentity))

/** Widths around a place can only be told where the place says its own. */
const adapterProblems = (placement: AdapterPlacement, { width }: BlockInfo): readonly Problem[] => {
  const { layer, how, place, at } = placement
  const inside = layerProblems(layer)
  const [from, to] = [takes([layer]), gives([layer])]
  if (inside.length > 0) return inside
  if (from !== to) return [error(at, "HS1012", sentence.notAnAdapter(from, to))]
  // Deeper in the block a value may have another width: what does not fit there is told when the layers run.
  if (from !== 0 && width !== 0 && from !== width && !place.includes("."))
    return [error(at, "HS1015", sentence.wrongWidth(from, width))]
  if (how !== "beside" && how !== "besideSkip" && !startsAsIdentity(layer))
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

/** What stands beside a block gives what it takes, as wide as the rung. */
const rungProblems = ({ layer, rank, at }: LadderPlacement): readonly Problem[] => {
  const inside = layerProblems(layer)
  const [from, to] = [takes([layer]), gives([layer])]
  if (inside.length > 0) return inside
  // A module may not say what it gives.
  if (from !== to && to !== 0) return [error(at, "HS1012", sentence.notAnAdapter(from, to))]
  return from === rank || from === 0 ? [] : [error(at, "HS1010", sentence.takesOther(from, rank))]
}

const unique = (problems: readonly Problem[]): readonly Problem[] => [
  ...new Map(problems.map((problem) => [`${problem.at}|${problem.code}|${problem.message}`, problem])).values(),
]

/** What was to be added to a block, and could not be. */
const misplacedProblems = (model: ModelData): readonly Problem[] =>
  misplacedOf(model).map(({ placement, problem, near }) => {
    const lora = placement.kind === "lora"
    const wanted = /'([^']+)'/.exec(problem)?.[1] ?? ""
    const code = lora && problem.startsWith("there is no linear") ? "HS1020" : "HS1027"
    return error(placement.at, code, problem, nearest(wanted, near) || undefined)
  })

const adaptationProblems = (model: ModelData, adaptation: Adaptation): readonly Problem[] => {
  const { depth, blocks, noSuchBlock, at } = adaptation
  const infos = blocksOf(model.network, model.blocks)
  if (infos.length === 0)
    return [error(at, "HS1014", sentence.noBlocks, 'Give model(…) the path of its blocks: blocks: "encoder.layers".')]
  const problems: Problem[] = []
  if (noSuchBlock !== undefined) problems.push(error(at, "HS1013", sentence.noSuchBlock(noSuchBlock, depth)))
  if (depth !== infos.length) problems.push(error(at, "HS1014", sentence.wrongDepth(depth, infos.length)))
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
  const widest = blocks.find(({ block, rank }) => rank > (infos[block - 1]?.width || Number.POSITIVE_INFINITY))
  if (widest !== undefined)
    problems.push({
      ...error(
        at,
        "HS1048",
        `a rank of ${widest.rank} is larger than the ${infos[widest.block - 1]!.width} features of the block: no bottleneck`,
        "Take a smaller rank.",
      ),
      severity: "warning",
    })
  for (const { block, placements } of blocks) {
    const info = infos[block - 1]
    if (info === undefined) continue
    for (const placement of placements)
      if (placement.kind === "adapter") problems.push(...adapterProblems(placement, info))
      else if (placement.kind === "ladder") problems.push(...rungProblems(placement))
  }
  return problems
}

/** Paths of blocks that lead to no list of layers. */
const blockPathProblems = ({ network, blocks, at }: ModelData): readonly Problem[] =>
  blocks.flatMap((path) => {
    if (rowAt(network, path) !== undefined) return []
    const rows = rowsIn(network)
    return [
      error(
        at,
        "HS1032",
        `blocks: there is no list of layers at '${path}'`,
        rows.length === 0 ? "The network has no list or sequence of layers." : nearest(path, rows),
      ),
    ]
  })
const rowsIn = (layer: LayerData, path = ""): readonly string[] =>
  childrenOf(layer).flatMap(([name, child]) => {
    const below = path === "" ? name : name === "" ? path : `${path}.${name}`
    return [...(child.kind === "sequential" || child.kind === "list" ? [below] : []), ...rowsIn(child, below)]
  })

/** Inputs and outputs that the model names and the network does not have, and inputs that nothing feeds. */
const taskProblems = ({ network, takes, teaches, keeps, at }: ModelData): readonly Problem[] => {
  const fed = Object.keys(takes)
  const module = network.kind === "module" ? network : undefined
  const single = module === undefined || module.single === true
  const inputs = module?.inputs ?? []
  const noTensor = new Set([...(module?.flags ?? []), ...(module?.extents ?? [])])
  const wrongInputs = single
    ? fed.length === 1
      ? []
      : [error(at, "HS1028", sentence.oneInput, `It names ${fed.join(", ") || "none"}.`)]
    : [
        ...fed
          .filter((name) => !inputs.includes(name) || noTensor.has(name))
          .map((name) => error(at, "HS1028", sentence.noInput(name), nearest(name, inputs))),
        ...inputs
          .filter((name) => !module?.optional.includes(name) && !fed.includes(name))
          .map((name) => error(at, "HS1028", sentence.notFed(name), "Feed it: takes: { image: pixels({ … }) }.")),
      ]
  const outputs = module?.byName ? Object.keys(module.outputs) : undefined
  const unknown = (names: readonly string[]) => names.filter((name) => outputs !== undefined && !outputs.includes(name))
  const several =
    outputs === undefined && Object.keys(teaches).length > 1
      ? [error(at, "HS1029", "the network gives one output, so teaches names one")]
      : []
  const kept =
    outputs === undefined && keeps.length > 0
      ? [error(at, "HS1029", "a network of one unnamed output has nothing to keep on the way")]
      : []
  return [
    ...wrongInputs,
    ...several,
    ...kept,
    ...unknown([...Object.keys(teaches), ...keeps]).map((name) =>
      error(at, "HS1029", sentence.noOutput(name), nearest(name, outputs ?? [])),
    ),
  ]
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
              sentence.noPart(verb, select.part),
              nearest(
                select.part,
                tensors.map(({ part }) => part),
              ),
            ),
          ]
    case "blocks": {
      const blocks = blocksOf(model.network, model.blocks)
      const depth = blocks.length
      if (select.blocks.length === 0)
        return [error(at, "HS1018", `${verb}: no block is named`, `Name blocks from 1 to ${depth}.`)]
      const missing = select.blocks.filter((i) => !(Number.isInteger(i) && i >= 1 && i <= depth))
      if (missing.length > 0) return missing.map((i) => error(at, "HS1013", sentence.noSuchBlock(i, depth)))
      if (tensors.some((tensor) => selects(select, tensor, blocks))) return []
      const within = tensors.flatMap(({ name, block }) => {
        const path = block === undefined ? undefined : blocks[block - 1]?.path
        return path === undefined ? [] : [name.slice(path.length + 1)]
      })
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
      if (tensors.some((tensor) => selects(select, tensor, []))) return []
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

/** The model as it was when an expectation was written on it. */
export const asWritten = (model: ModelData, { on }: Expectation): ModelData =>
  on.adaptations === model.adaptations.length && on.rules === model.rules.length
    ? model
    : { ...model, adaptations: model.adaptations.slice(0, on.adaptations), rules: model.rules.slice(0, on.rules) }

const expectationProblems = (name: string, model: ModelData): readonly Problem[] =>
  model.expectations.flatMap((expectation): readonly Problem[] => {
    const { at } = expectation
    const parameters = tensorTable(asWritten(model, expectation)).filter(({ kind }) => kind === "parameter")
    const total = parameters.reduce((n, { size }) => n + size, 0)
    const trainable = parameters.reduce((n, { size, learns }) => n + (learns ? size : 0), 0)
    if (expectation.kind === "budget") {
      const { trainable: most, bytes } = expectation
      const over: Problem[] = []
      if (most !== undefined && trainable > most)
        over.push(
          error(
            at,
            "HS1019",
            `'${name}' trains ${digits(trainable)} ${trainable === 1 ? "parameter" : "parameters"}, ${digits(trainable - most)} over its budget of ${digits(most)}`,
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

/** Warnings that save a day: adapters that were frozen by what came after them, or beside which everything learns. */
const freezingProblems = (name: string, model: ModelData, tensors: readonly ModelTensor[]): readonly Problem[] => {
  if (model.adaptations.length === 0) return []
  const warning = (at: string | undefined, code: Code, message: string, help: string): Problem => ({
    ...error(at, code, message, help),
    severity: "warning",
  })
  const empty = model.adaptations.filter(({ blocks }) => blocks.every(({ placements }) => placements.length === 0))
  if (empty.length > 0)
    return empty.map(({ at }) =>
      warning(
        at,
        "HS1045",
        `in '${name}', this adapt adds nothing: no block has both a rank and a placement`,
        "Give a schedule that leaves a block, and a function that gives a placement; or leave adapt out.",
      ),
    )
  const added = tensors.filter(({ adaptation }) => adaptation !== undefined)
  const last = model.rules.findLast(({ learn }) => !learn)
  if (last !== undefined && added.length > 0 && !added.some(({ learns }) => learns))
    return [
      warning(
        last.at,
        "HS1045",
        last.select.kind === "all"
          ? `in '${name}', the adapters do not learn: everything is frozen after they are added`
          : `in '${name}', the adapters do not learn: they are frozen after they are added`,
        last.select.kind === "all" ? "Put freezeAll before adapt." : "Freeze what is to be frozen before adapt.",
      ),
    ]
  if (model.rules.some(({ learn }) => !learn)) return []
  const beside = tensors
    .filter(({ adaptation, learns }) => adaptation === undefined && learns)
    .reduce((n, { size }) => n + size, 0)
  return beside === 0
    ? []
    : [
        warning(
          model.adaptations[0]!.at,
          "HS1046",
          `in '${name}', nothing is frozen: ${grouped(beside)} ${beside === 1 ? "parameter learns" : "parameters learn"} beside the adapters`,
          "Put freezeAll before adapt, if only the adapters are to learn.",
        ),
      ]
}

/** From 2⁵³ on, a sum is rounded and would prove what is not true. */
const countable = (name: string, model: ModelData, tensors: readonly ModelTensor[]): readonly Problem[] =>
  tensors.reduce((n, { size }) => n + size, 0) <= Number.MAX_SAFE_INTEGER
    ? []
    : [
        error(
          model.at,
          "HS1044",
          `'${name}' has 2⁵³ parameters or more, which cannot be counted exactly`,
          "Make the model smaller.",
        ),
      ]

/** Everything that can be told without running the layers. Counts are checked only of what is otherwise whole. */
export const modelProblems = (name: string, model: ModelData, tensors: readonly ModelTensor[]): readonly Problem[] => {
  const structure = unique([
    ...countable(name, model, tensors),
    ...freezingProblems(name, model, tensors),
    ...layerProblems(model.network),
    ...taskProblems(model),
    ...blockPathProblems(model),
    ...model.adaptations.flatMap((adaptation) => adaptationProblems(model, adaptation)),
    ...misplacedProblems(model),
    ...model.rules.flatMap((rule) => ruleProblems(model, rule, tensors)),
  ])
  return structure.some(({ severity }) => severity === "error")
    ? structure
    : [...structure, ...expectationProblems(name, model)]
}
