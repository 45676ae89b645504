/** A model's report from its tensors. */
import { relative } from "node:path"
import type { Expectation, ModelData } from "../../dsl/model.ts"
import type { ModelTensor } from "../analysis/parameters.ts"
import type { Place } from "../frontend/evaluate.ts"
import type { CountRow, ModelReport } from "./report.ts"

const grouped = (n: number): string => n.toLocaleString("en-US").replaceAll(",", "_")

const rows = (tensors: readonly ModelTensor[], keyOf: (tensor: ModelTensor) => string | undefined): CountRow[] => {
  const found = new Map<string, CountRow>()
  for (const tensor of tensors) {
    const name = keyOf(tensor)
    if (name === undefined || tensor.kind !== "parameter") continue
    const row = found.get(name) ?? { name, total: 0, trainable: 0 }
    found.set(name, {
      name,
      total: row.total + tensor.size,
      trainable: row.trainable + (tensor.learns ? tensor.size : 0),
    })
  }
  return [...found.values()]
}

/** In the model's order; what was added comes last. */
const partsOf = (tensors: readonly ModelTensor[]): CountRow[] => {
  const found = rows(tensors, ({ part }) => part)
  return [...found.filter(({ name }) => name !== "adapters"), ...found.filter(({ name }) => name === "adapters")]
}

const blockKind = ({ family }: ModelData, index: number): string =>
  family.kind === "sam" ? (family.config.globalBlocks.includes(index - 1) ? "global" : "window") : "block"

/** Ranks by placement. A placement that a block has several times is named once, with its first rank. */
const ranksOf = (model: ModelData, index: number): Record<string, number> => {
  const names = {
    afterAttention: "after_attention",
    inMlpResidual: "in_mlp_residual",
    besideMlp: "beside_mlp",
    besideMlpResidual: "beside_mlp_residual",
  }
  const ranks: Record<string, number> = {}
  for (const { blocks } of model.adaptations)
    for (const { block, rank, placements } of blocks)
      if (block === index)
        for (const placement of placements) ranks[placement.kind === "lora" ? "lora" : names[placement.site]] ??= rank
  return ranks
}

const textOf = (expectation: Expectation): string => {
  if (expectation.kind !== "budget")
    return `expect${expectation.kind === "trainable" ? "Trainable" : "Total"}(${grouped(expectation.count)})`
  const { trainable, bytes } = expectation
  const limits = [
    trainable === undefined ? "" : `trainable: ${grouped(trainable)}`,
    bytes === undefined ? "" : `bytes: ${grouped(bytes)}`,
  ]
  return `budget({ ${limits.filter(Boolean).join(", ")} })`
}

const holds = (expectation: Expectation, total: number, trainable: number): boolean => {
  if (expectation.kind !== "budget") return expectation.count === (expectation.kind === "total" ? total : trainable)
  return (
    trainable <= (expectation.trainable ?? Number.POSITIVE_INFINITY) &&
    4 * trainable <= (expectation.bytes ?? Number.POSITIVE_INFINITY)
  )
}

export const modelReport = (
  name: string,
  model: ModelData,
  tensors: readonly ModelTensor[],
  placeOf: (at: string | undefined) => Place,
): ModelReport => {
  const parameters = tensors.filter(({ kind }) => kind === "parameter")
  const total = parameters.reduce((n, { size }) => n + size, 0)
  const trainable = parameters.reduce((n, { size, learns }) => n + (learns ? size : 0), 0)
  const buffers = tensors.reduce((n, { kind, size }) => n + (kind === "buffer" ? size : 0), 0)
  const byBlock = new Map(
    rows(tensors, ({ block }) => (block === undefined ? undefined : `${block}`)).map((row) => [row.name, row]),
  )
  const bytes = (n: number) => ({ float32: 4 * n, float16: 2 * n })
  return {
    name,
    family: model.family.name,
    ...(model.family.kind === "sam" ? { inputSize: model.family.config.imageSize } : {}),
    total,
    trainable,
    frozen: total - trainable,
    buffers,
    bytes: { total: bytes(total), trainable: bytes(trainable), buffers: { float32: 4 * buffers } },
    parts: partsOf(tensors),
    placements: rows(tensors, ({ placement }) => placement),
    blocks: Array.from({ length: model.blocks.depth }, (_, k) => {
      const row = byBlock.get(`${k + 1}`)
      return {
        index: k + 1,
        kind: blockKind(model, k + 1),
        ranks: ranksOf(model, k + 1),
        total: row?.total ?? 0,
        trainable: row?.trainable ?? 0,
      }
    }),
    tensors: tensors.map(({ name, shape, kind, part, learns }) => ({
      name,
      shape: [...shape],
      kind,
      part,
      trainable: learns,
    })),
    expectations: model.expectations.map((expectation) => {
      const place = expectation.at === undefined ? undefined : placeOf(expectation.at)
      return {
        text: textOf(expectation),
        holds: holds(expectation, total, trainable),
        ...(place === undefined ? {} : { place: { ...place, file: relative(process.cwd(), place.file) } }),
      }
    }),
  }
}
