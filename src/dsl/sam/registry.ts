import { dataOf, type Layer } from "../layer.ts"
import {
  type Backbone,
  type Model,
  modelOf,
  type Sam,
  type SamPart,
  type ViTB,
  type ViTH,
  type ViTL,
} from "../model.ts"
import { callSite } from "../place.ts"
import { type DecoderConfig, defaults, type SamConfig } from "./config.ts"

/** Options of `sam`; width, depth, heads and globalBlocks have no default. */
export type SamOptions<Depth extends number = number, Width extends number = number> = {
  readonly width: Width
  readonly depth: Depth
  readonly heads: number
  readonly globalBlocks: readonly number[]
  readonly decoder?: Partial<DecoderConfig>
} & Partial<Omit<SamConfig, "width" | "depth" | "heads" | "globalBlocks" | "decoder">>

const parts: Readonly<Record<SamPart, string>> = {
  imageEncoder: "image_encoder",
  promptEncoder: "prompt_encoder",
  maskDecoder: "mask_decoder",
}

const named = <B extends Backbone>(name: string, options: SamOptions): Model<B, SamPart> => {
  const config: SamConfig = { ...defaults, ...options, decoder: { ...defaults.decoder, ...options.decoder } }
  const { depth, width } = config
  const at = callSite()
  return modelOf({
    family: { kind: "sam", name, config },
    parts,
    blocks: { path: "image_encoder.blocks", depth, width },
    adaptations: [],
    rules: [],
    expectations: [],
    ...(at === undefined ? {} : { at }),
  })
}

/** Any SAM. Everything learns until frozen. */
export const sam = <const Depth extends number, const Width extends number>(
  options: SamOptions<Depth, Width>,
): Model<Sam<Depth, Width>, SamPart> => named("SAM", options)

/** SAM ViT-B: 93,735,472 parameters. */
export const samVitB = named<ViTB>("SAM ViT-B", { width: 768, depth: 12, heads: 12, globalBlocks: [2, 5, 8, 11] })
/** SAM ViT-L: 312,342,832 parameters. */
export const samVitL = named<ViTL>("SAM ViT-L", { width: 1024, depth: 24, heads: 16, globalBlocks: [5, 11, 17, 23] })
/** SAM ViT-H: 641,090,608 parameters. */
export const samVitH = named<ViTH>("SAM ViT-H", { width: 1280, depth: 32, heads: 16, globalBlocks: [7, 15, 23, 31] })

export interface ModelOptions {
  readonly name: string
  /** Shape of one input, without the batch: [3, 224, 224]. */
  readonly input: readonly number[]
  /** Path of a sequence of transformer blocks to which adapters can be added. */
  readonly blocks?: { readonly path: string; readonly depth: number; readonly width: number }
}

/** A model of any layers: a U-Net, a ResNet, a classifier. Its parts are the top module's children. */
export const model = (layer: Layer, { name, input, blocks }: ModelOptions): Model<Backbone, string> => {
  const data = dataOf(layer)
  const children = data.kind === "module" ? Object.keys(data.children) : []
  const at = callSite()
  return modelOf({
    family: { kind: "layer", name, layer: data, input },
    parts: children.length === 0 ? { all: "" } : Object.fromEntries(children.map((child) => [child, child])),
    blocks: blocks ?? { path: "", depth: 0, width: 0 },
    adaptations: [],
    rules: [],
    expectations: [],
    ...(at === undefined ? {} : { at }),
  })
}
