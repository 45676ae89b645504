/** What comes out of chosen blocks of a model, for the paper's Figure 4. */
import { existsSync } from "node:fs"
import { join } from "node:path"
import type { Backend } from "../../backends/backend.ts"
import { failed } from "../../compiler/diagnostic.ts"
import { type Program, sizeOf, type Tensors } from "../../compiler/ir/graph.ts"
import { standardSizes } from "../../compiler/passes/elaborate/index.ts"
import { compile } from "../../compiler/passes/pipeline.ts"
import { simplify } from "../../compiler/passes/rebuild.ts"
import { blocksOf } from "../../dsl/blocks.ts"
import type { ModelData } from "../../dsl/model.ts"
import { networkOf } from "../../dsl/network.ts"
import type { Prompt } from "../../dsl/training.ts"
import type { Sample } from "../data/reader.ts"
import { feedsOf } from "../task/index.ts"
import { loadAll, save } from "../weights/index.ts"

/** Values kept of a block: enough for a histogram of 60 bins. */
const enough = 100_000

/** In a run's folder: a tensor for each block, named `block 4`. */
export const blocksFile = "blocks.safetensors"

/**
 * A program from an image to the outputs of blocks, adapters included; counted from 1 as in the paper.
 * Throws HS5002 for a block that is not there.
 */
export const blockProgram = (model: ModelData, blocks: readonly number[]): Program => {
  const infos = blocksOf(networkOf(model), model.blocks)
  if (infos.length === 0)
    throw failed(
      "--histograms",
      "HS5002",
      "this model has no blocks",
      'Evaluate a model with blocks, such as a ViT: blocks: "encoder.layers" in model(…).',
    )
  // As the layers are written: later passes move products out of blocks and into them.
  const task = { model, sizes: standardSizes(model, 1), goal: { kind: "inference" } } as const
  const { graph } = compile(task, { stopAfter: "elaborate" }).program
  const outputs = blocks.map((block) => {
    const path = infos[block - 1]?.path
    const value =
      path === undefined
        ? -1
        : graph.nodes.findLastIndex(
            ({ op, from }) =>
              op !== "parameter" && op !== "constant" && (from === path || from?.startsWith(`${path}.`)),
          )
    if (value < 0)
      throw failed("--histograms", "HS5002", `there is no block ${block}`, `Blocks are 1 to ${infos.length}.`)
    return { name: `block ${block}`, value }
  })
  return { graph: simplify({ nodes: graph.nodes, outputs }), state: {} }
}

/** Each block's values over all samples, evenly thinned out where they are many. */
export const blockValues = async (
  backend: Backend,
  model: ModelData,
  weights: Tensors,
  blocks: readonly number[],
  samples: AsyncIterable<Sample>,
  prompt: Prompt,
  count: number,
): Promise<Tensors> => {
  const program = blockProgram(model, blocks)
  const taken = new Set(program.graph.nodes.flatMap(({ op, attrs }) => (op === "parameter" ? [attrs.name] : [])))
  const inputs = new Set(program.graph.nodes.flatMap((node) => (node.op === "input" ? [node.attrs.name] : [])))
  const collected = new Map<string, number[]>(program.graph.outputs.map(({ name }) => [name, []]))
  const executable = await backend.compile(program)
  try {
    await executable.load(Object.fromEntries(Object.entries(weights).filter(([name]) => taken.has(name))))
    for await (const sample of samples) {
      const fed = feedsOf([sample], model, prompt)
      const outputs = await executable.run(Object.fromEntries(Object.entries(fed).filter(([name]) => inputs.has(name))))
      for (const [name, values] of collected) {
        const { shape, data } = outputs[name]!
        const step = Math.ceil((sizeOf(shape) * count) / enough)
        for (let at = 0; at < data.length; at += step) values.push(data[at]!)
      }
    }
  } finally {
    await executable.dispose()
  }
  return Object.fromEntries(
    [...collected].map(([name, values]) => [name, { shape: [values.length], data: Float32Array.from(values) }]),
  )
}

export const saveBlocks = (folder: string, values: Tensors): Promise<void> => save(join(folder, blocksFile), values)

/** What `saveBlocks` wrote. Throws HS4002 where it wrote nothing. */
export const loadBlocks = (folder: string): Promise<Tensors> => {
  const path = join(folder, blocksFile)
  if (!existsSync(path))
    throw failed(folder, "HS4002", "the run has no values of blocks", "Run `hasam eval RUN --histograms 4,8,12` first.")
  return loadAll(path)
}
