/**
 * elaborate: a model's layers become a graph, for inputs of one size.
 */
import type { ModelData } from "../../../dsl/model.ts"
import { networkOf } from "../../../dsl/network.ts"
import { Builder } from "../../ir/builder.ts"
import type { Shape } from "../../ir/graph.ts"
import type { Context, DropoutInput } from "./context.ts"
import { run } from "./layers.ts"
import { runModule } from "./module.ts"

/** Sizes of one run. A program is compiled for one of these. */
export interface InputSizes {
  readonly batch: number
  /** The image as it is fed, its longer side the model's image size. */
  readonly height: number
  readonly width: number
  /** Size of the masks wanted. */
  readonly original: readonly [height: number, width: number]
  /** Point prompts an image; 0 for none. */
  readonly points: number
  readonly boxes: boolean
  readonly mask: boolean
  /** Tokens 1… in place of token 0. */
  readonly multimask: boolean
}

export interface ElaborateOptions {
  /** Dropout acts, batch norms that learn use the batch. Default: false. */
  readonly training?: boolean
  /** Names of the tensors that learn. */
  readonly learning?: readonly string[]
  /** Start from image_embedding as an input, for a frozen image encoder whose embeddings are kept. */
  readonly fromEmbedding?: boolean
}

export interface Elaborated {
  readonly builder: Builder
  /** Name → value. SAM: image_embedding, low_res_masks, iou_predictions, masks. */
  readonly outputs: Readonly<Record<string, number>>
  readonly dropouts: readonly DropoutInput[]
  /** New running statistics of batch norms that learn: buffer → value. */
  readonly updates: ReadonlyMap<string, number>
}

/** A square image with one point: what reports and budgets speak of. */
export const standardSizes = ({ family }: ModelData, batch = 1): InputSizes => {
  const [height, width] =
    family.kind === "sam"
      ? [family.config.imageSize, family.config.imageSize]
      : [family.input[1] ?? 1, family.input[2] ?? 1]
  return { batch, height, width, original: [height, width], points: 1, boxes: false, mask: false, multimask: false }
}

/** Is `path` this name, or above it? */
const under = (name: string, path: string): boolean => path === "" || name === path || name.startsWith(`${path}.`)

const samInputs = (model: ModelData, sizes: InputSizes): Readonly<Record<string, Shape>> => {
  const { batch, height, width, points, boxes, mask } = sizes
  const config = model.family.kind === "sam" ? model.family.config : undefined
  const grid = 4 * Math.floor(config!.imageSize / config!.patchSize)
  return {
    image: [batch, 3, height, width],
    ...(points > 0 ? { point_coords: [batch, points, 2], point_labels: [batch, points] } : {}),
    ...(boxes ? { boxes: [batch, 4] } : {}),
    ...(mask ? { mask_input: [batch, 1, grid, grid] } : {}),
  }
}

const embeddingInput = (builder: Builder, { family }: ModelData, { batch }: InputSizes): number => {
  if (family.kind !== "sam") throw new Error("internal: only SAM has an image embedding")
  const { outChannels, imageSize, patchSize } = family.config
  const grid = Math.floor(imageSize / patchSize)
  return builder.input("image_embedding", [batch, outChannels, grid, grid])
}

/** Throws Misfit, with the layer's path and place, where a layer does not fit what it is given. */
export const elaborate = (model: ModelData, sizes: InputSizes, options: ElaborateOptions = {}): Elaborated => {
  const builder = new Builder()
  const learning = options.learning ?? []
  const ctx: Context = {
    b: builder,
    training: options.training ?? false,
    learnsUnder: (path) => learning.some((name) => under(name, path)),
    sizes: { original_size: sizes.original },
    dropouts: [],
    updates: new Map(),
  }
  const network = networkOf(model)
  const outputsOf = (): Readonly<Record<string, number | undefined>> => {
    if (model.family.kind === "layer") {
      const x = builder.input("image", [sizes.batch, ...model.family.input])
      if (network.kind === "module") return runModule(ctx, network, "", { [network.inputs[0]!]: x }, run)
      return { output: run(ctx, network, "", x) }
    }
    if (network.kind !== "module") throw new Error("internal: SAM is a module")
    const shapes = samInputs(model, sizes)
    const inputs = Object.fromEntries(Object.entries(shapes).map(([name, shape]) => [name, builder.input(name, shape)]))
    // A flag, not a tensor: its presence chooses the tokens.
    const flags = sizes.multimask ? { multimask: inputs["image"]! } : {}
    const given = options.fromEmbedding
      ? { [network.outputs["image_embedding"]!]: embeddingInput(builder, model, sizes) }
      : {}
    return runModule(ctx, network, "", { ...inputs, ...flags, ...given }, run)
  }
  const outputs = Object.fromEntries(
    Object.entries(outputsOf()).filter((entry): entry is [string, number] => entry[1] !== undefined),
  )
  return { builder, outputs, dropouts: ctx.dropouts, updates: ctx.updates }
}
