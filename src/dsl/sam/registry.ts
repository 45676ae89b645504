import type { Pair } from "../layer.ts"
import { type Backbone, type Model, model } from "../model.ts"
import { withoutPlaces } from "../place.ts"
import { boxes, lowResolutionMask, masks, pixels, points } from "../task.ts"
import { type DecoderConfig, defaults, gridOf, type SamConfig } from "./config.ts"
import { pixelMean, samNetwork } from "./sam.ts"

export type SamPart = "imageEncoder" | "promptEncoder" | "maskDecoder"
/** Places in a block of SAM's image encoder: `PlacesOf` its type, spelled out, since every spec would pay for working it out. */
export type SamPlace =
  | "norm1"
  | "attn"
  | "attn.rel_pos_h"
  | "attn.rel_pos_w"
  | "attn.qkv"
  | "attn.proj"
  | "norm2"
  | "mlp"
  | "mlp.lin1"
  | "mlp.lin2"
  | "mlp.act"
export interface Sam<Depth extends number = number, Width extends number = number>
  extends Backbone<Depth, Width, SamPart, SamPlace> {}
export interface ViTB extends Sam<12, 768> {}
export interface ViTL extends Sam<24, 1024> {}
export interface ViTH extends Sam<32, 1280> {}

/** Options of `sam`; width, depth, heads and globalBlocks have no default. */
export type SamOptions<Depth extends number = number, Width extends number = number> = {
  readonly width: Width
  readonly depth: Depth
  readonly heads: number
  readonly globalBlocks: readonly number[]
  readonly decoder?: Partial<DecoderConfig>
} & Partial<Omit<SamConfig, "width" | "depth" | "heads" | "globalBlocks" | "decoder">>

/** Part → path of its module. */
export const samParts: Readonly<Record<SamPart, string>> = {
  imageEncoder: "image_encoder",
  promptEncoder: "prompt_encoder",
  maskDecoder: "mask_decoder",
}

/** What segment-anything's Sam.forward takes: the image padded by the network itself, prompts in its pixels. */
export const samTakes = (config: SamConfig) => ({
  image: pixels({ size: config.imageSize, fit: "longestSide", padding: pixelMean, padded: "inside" }),
  ...points(),
  ...boxes(),
  mask_input: lowResolutionMask({ size: 4 * gridOf(config) }),
})

const named = <B extends Backbone>(name: string, options: SamOptions): Model<B, SamPart> => {
  const config: SamConfig = { ...defaults, ...options, decoder: { ...defaults.decoder, ...options.decoder } }
  const network = (of: SamConfig) => withoutPlaces(() => samNetwork(of))
  return model(network(config), {
    name,
    takes: samTakes(config),
    teaches: { masks: masks() },
    keeps: ["image_embedding"],
    blocks: "image_encoder.blocks",
    parts: samParts,
    // Position tables follow the image, windows do not.
    resized: ([imageSize]: Pair) => {
      const other = { ...config, imageSize }
      return { network: network(other), takes: samTakes(other) }
    },
  }) as unknown as Model<B, SamPart>
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
