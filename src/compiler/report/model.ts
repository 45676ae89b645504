/** A model's report from its tensors. */
import { relative } from "node:path"
import { addedIn, type BlockInfo, blocksOf, layerAt, pathOf } from "../../dsl/blocks.ts"
import { grouped } from "../../dsl/grouped.ts"
import type { LayerData } from "../../dsl/layer.ts"
import type { Expectation, ModelData } from "../../dsl/model.ts"
import { networkOf } from "../../dsl/network.ts"
import { imageOf } from "../../dsl/task.ts"
import { asWritten } from "../analysis/checks.ts"
import type { ModelTensor } from "../analysis/parameters.ts"
import type { Place } from "../frontend/evaluate.ts"
import type { CountRow, ModelReport } from "./report.ts"

const digits = (n: number): string => grouped(n).replaceAll(",", "_")

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

const kindOf = ({ global, windowed }: BlockInfo): string => (windowed ? "window" : global ? "global" : "block")

/** Ranks of what was added to a block, read from its layers: by placement, numbered where a block has one several times with other ranks. */
const ranksOf = (network: LayerData, { path }: BlockInfo): Record<string, number> => {
  const block = layerAt(network, pathOf(path))
  const ranks: Record<string, number> = {}
  for (const { name, rank } of block === undefined ? [] : addedIn(block)) {
    let key = name
    for (let n = 2; Object.hasOwn(ranks, key) && ranks[key] !== rank; n += 1) key = `${name} ${n}`
    ranks[key] = rank
  }
  return ranks
}

const textOf = (expectation: Expectation): string => {
  if (expectation.kind !== "budget")
    return `expect${expectation.kind === "trainable" ? "Trainable" : "Total"}(${digits(expectation.count)})`
  const { trainable, bytes } = expectation
  const limits = [
    trainable === undefined ? "" : `trainable: ${digits(trainable)}`,
    bytes === undefined ? "" : `bytes: ${digits(bytes)}`,
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
  const within = new Map<number | undefined, ModelTensor[]>()
  for (const tensor of tensors) {
    const group = within.get(tensor.block)
    if (group === undefined) within.set(tensor.block, [tensor])
    else group.push(tensor)
  }
  const network = networkOf(model)
  const blocks = blocksOf(network, model.blocks)
  const image = imageOf(model.takes)?.pixels
  const own = model.expectations.filter((expectation) => asWritten(model, expectation) === model)
  const bytes = (n: number) => ({ float32: 4 * n, float16: 2 * n })
  return {
    name,
    family: model.name,
    ...(image === undefined ? {} : { inputSize: image.size[0], imageSize: [...image.size] }),
    total,
    trainable,
    frozen: total - trainable,
    buffers,
    bytes: { total: bytes(total), trainable: bytes(trainable), buffers: { float32: 4 * buffers } },
    parts: partsOf(tensors),
    placements: rows(tensors, ({ placement }) => placement),
    blocks: blocks.map((block) => {
      const row = byBlock.get(`${block.index}`)
      return {
        index: block.index,
        kind: kindOf(block),
        ranks: ranksOf(network, block),
        placements: rows(within.get(block.index) ?? [], ({ placement }) => placement ?? "own"),
        total: row?.total ?? 0,
        trainable: row?.trainable ?? 0,
      }
    }),
    tensors: tensors.map(({ name, shape, kind, part, learns, block, placement }) => ({
      name,
      shape: [...shape],
      kind,
      part,
      trainable: learns,
      ...(block === undefined ? {} : { block }),
      ...(placement === undefined ? {} : { placement }),
    })),
    expectations: own.map((expectation) => {
      const place = expectation.at === undefined ? undefined : placeOf(expectation.at)
      return {
        text: textOf(expectation),
        holds: holds(expectation, total, trainable),
        ...(place === undefined ? {} : { place: { ...place, file: relative(process.cwd(), place.file) } }),
      }
    }),
  }
}
