/** Which learning rate a tensor has: what a training says of its part, or the optimizer's. */
import { blocksOf } from "../../dsl/blocks.ts"
import type { ModelData } from "../../dsl/model.ts"
import { networkOf } from "../../dsl/network.ts"
import { isWithin, rangeText, trainingRanges } from "../../dsl/ranges.ts"
import type { PartRates } from "../../dsl/rates.ts"
import type { Problem } from "./checks.ts"
import { type ModelTensor, tensorTable } from "./parameters.ts"

/** Where each tensor stands: 0 before the blocks, the number of its block, of what stands between stages that of the block before; one more after all. */
const depthsOf = (tensors: readonly ModelTensor[], blocks: number): ReadonlyMap<string, number> => {
  let last = 0
  return new Map(
    tensors.map(({ name, block }) => {
      if (block !== undefined) last = block
      return [name, block ?? (last === blocks && blocks > 0 ? blocks + 1 : last)]
    }),
  )
}

/** Rates of the tensors that have one of their own, by name. */
export const ratesOf = (model: ModelData, parts: readonly PartRates[] = []): ReadonlyMap<string, number> => {
  if (parts.length === 0) return new Map()
  const table = tensorTable(model)
  const depths = depthsOf(table, blocksOf(networkOf(model), model.blocks).length)
  return new Map(
    table.flatMap(({ name, part, learns }) => {
      const own = parts.find((one) => one.part === part)
      if (own === undefined || !learns) return []
      return [[name, typeof own.rate === "number" ? own.rate : own.rate[depths.get(name)!]!] as const]
    }),
  )
}

/** What a tensor's rate is tuned with: the depth it stands at, and the input of the program that its rate is multiplied by. */
export interface Tuned {
  readonly depth: number
  readonly feed: string
}
/** Tensors whose rates `autoLr` tunes, by name: all that learns in the blocks, and what learns before them (depth 0). */
export const tunedDepths = (model: ModelData): ReadonlyMap<string, Tuned> => {
  const table = tensorTable(model)
  const blocks = blocksOf(networkOf(model), model.blocks).length
  const depths = depthsOf(table, blocks)
  return new Map(
    table.flatMap(({ name, learns }) => {
      const depth = depths.get(name)!
      return learns && depth <= blocks ? [[name, { depth, feed: `rate_factor/${depth}` }] as const] : []
    }),
  )
}

/** Blocks have an order only where several learn. */
export const tuningProblems = (name: string, model: ModelData, at?: string): readonly Problem[] => {
  const count = new Set([...tunedDepths(model).values()].flatMap(({ depth }) => (depth === 0 ? [] : [depth]))).size
  if (count > 1) return []
  return [
    {
      ...{ at, code: "HS1033", severity: "error" },
      message: `autoLr: ${count === 0 ? "no block" : "one block only"} of '${name}' learns, and AutoLR puts blocks in order`,
      help: "Leave autoLr out, or let several blocks learn.",
    },
  ]
}

/** Parts that are not there or do not learn, and rates that are none. */
export const rateProblems = (
  name: string,
  model: ModelData,
  parts: readonly PartRates[] = [],
  at?: string,
): readonly Problem[] => {
  const table = tensorTable(model)
  return parts.flatMap(({ part, rate }): Problem[] => {
    const own = table.filter((tensor) => tensor.part === part)
    const names = [...new Set(table.filter(({ learns }) => learns).map((tensor) => tensor.part))]
    if (!own.some(({ learns }) => learns))
      return [
        {
          ...{ at, code: "HS1018", severity: "error" },
          message: own.length === 0 ? `rates: there is no part '${part}'` : `rates: nothing learns in '${part}'`,
          help: `In '${name}' ${names.length === 0 ? "nothing learns" : `${names.map((one) => `'${one}'`).join(", ")} learn`}.`,
        },
      ]
    const wrong = [rate].flat().find((one) => !isWithin(trainingRanges.rate, one))
    if (wrong === undefined) return []
    return [
      {
        ...{ at, code: "HS1040", severity: "error" },
        message: `rates: the rate of '${part}' is ${rangeText(trainingRanges.rate)}, not ${String(wrong)}`,
        help:
          typeof rate === "number"
            ? "A part that is not to learn is frozen."
            : "Blocks count from 1; before them the function is asked for 0.",
      },
    ]
  })
}
