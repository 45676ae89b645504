/** Weights of a model in a page: those that lie beside it, others of the same model, and what training wrote. */
import { tensorTable } from "../../compiler/analysis/parameters.ts"
import type { Tensors } from "../../compiler/ir/graph.ts"
import type { ModelData } from "../../dsl/model.ts"
import { modelWeights } from "../base.ts"
import { withAdapters } from "../run/adapters.ts"
import { withCheckpoint } from "../weights/checkpoint.ts"
import { aboutOf } from "../weights/learned.ts"
import type { Segmenter } from "./segmenter.ts"

/** Files in the page's own store. */
export interface PageWeights {
  /** The whole model's, to which adapters belong. */
  readonly base: string
  /** What training wrote on that base. */
  readonly learned?: string
}

/** All tensors of the model. Throws what reading checkpoints throws, HS3014 for adapters of another base. */
export const tensorsOf = async (model: ModelData, { base, learned }: PageWeights, seed = 0): Promise<Tensors> => {
  const { tensors } = await modelWeights(model, base, seed)
  return learned === undefined ? tensors : withAdapters(model, tensors, learned)
}

/**
 * Takes a file: adapters go onto the base that is there, a checkpoint of the model in whichever format and of whichever names replaces it.
 * Throws HS3001 to HS3015.
 */
export const takeWeights = async (
  model: ModelData,
  before: PageWeights,
  path: string,
  segmenter: Segmenter,
): Promise<PageWeights> => {
  const { learned, own, stored } = await withCheckpoint(path, async ({ metadata, tensors, read }) => {
    const known = new Set(tensorTable(model).map(({ name }) => name))
    const stored = tensors.map(({ name }) => name)
    const learned = aboutOf(metadata) !== undefined
    if (learned || stored.every((name) => !known.has(name))) return { learned, stored }
    const found: [string, Tensors[string]][] = []
    for (const one of tensors) found.push([one.name, await read(one)])
    return { learned, stored, own: Object.fromEntries(found) as Tensors }
  })
  const after = learned ? { base: before.base, learned: path } : { base: path }
  if (own !== undefined) {
    const names = tensorTable(model).filter(({ persistent }) => persistent)
    await segmenter.load(path, own)
    // A part of the model's tensors changes what is shown; a base for training is whole.
    return names.every(({ name }) => name in own) ? after : before
  }
  // Other names: a family's own, as published checkpoints have them.
  const tensors = await tensorsOf(model, after).catch((problem: unknown) => {
    if (learned || !(problem instanceof Error) || !/HS301[01]/.test(problem.message)) throw problem
    // Not one of them is the model's: that is for the segmenter to say.
    return Object.fromEntries(stored.map((name) => [name, { shape: [], data: new Float32Array(1) }])) as Tensors
  })
  await segmenter.load(path, tensors)
  return after
}
