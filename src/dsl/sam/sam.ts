/** The whole of SAM, from raw pixels to masks at the original size (segment_anything/modeling/sam.py). */
import { define, extent, features, flag, ifGiven, optional } from "../define.ts"
import { cropLike, div, padTo, resize, resizeTo, slice, sub } from "../functions.ts"
import type { Layer } from "../layer.ts"
import { buffer } from "../layers/raw.ts"
import { imageNet } from "../task.ts"
import type { Value } from "../value.ts"
import type { SamConfig } from "./config.ts"
import { maskDecoder } from "./decoder.ts"
import { imageEncoder } from "./encoder.ts"
import { promptEncoder } from "./prompts.ts"

/** Means and deviations of the pixels that SAM was trained on, 0…255, RGB. Padding has the value that becomes zero: the mean. */
export const { mean: pixelMean, deviation: pixelStd } = imageNet

/** Images [b, 3, imageSize, imageSize], normalised → embeddings [b, outChannels, grid, grid]. */
type Encoder = Layer<any, any, any>
type ImageEncoder<Depth extends number, W extends number> = ReturnType<typeof imageEncoder<Depth, W>>

const pixels = (values: readonly number[]) => buffer([3, 1, 1], { values }, { persistent: false })

/**
 * image [b, 3, h, w], raw 0…255, its longer side already imageSize; prompts as in promptEncoder; `multimask`, when given, asks for
 * tokens 1… in place of token 0. Gives image_embedding, low_res_masks, iou_predictions, and masks (logits) at original_size.
 */
export const samNetwork = <
  const Depth extends number,
  const W extends number,
  E extends Encoder = ImageEncoder<Depth, W>,
>(
  config: SamConfig<Depth, W>,
  encoder: E = imageEncoder(config) as unknown as E,
) =>
  define(
    "Sam",
    {
      pixel_mean: pixels(pixelMean),
      pixel_std: pixels(pixelStd),
      image_encoder: encoder,
      prompt_encoder: promptEncoder(config),
      mask_decoder: maskDecoder(config),
    },
    {
      image: features(3),
      point_coords: optional(2),
      point_labels: optional(1),
      boxes: optional(4),
      mask_input: optional(1),
      multimask: flag(),
      original_size: extent(),
    },
    (m, { image, point_coords, point_labels, boxes, mask_input, multimask, original_size }) => {
      const { imageSize, decoder } = config
      const normalised = div(sub(image, m.pixel_mean), m.pixel_std)
      const image_embedding = m.image_encoder(padTo(normalised, imageSize))
      const { points, corners, dense, image_pe } = m.prompt_encoder({ point_coords, point_labels, boxes, mask_input })
      const decoded = m.mask_decoder({ image_embeddings: image_embedding, image_pe, points, corners, dense })

      const chosen = (x: Value) =>
        ifGiven(
          multimask,
          () => slice(x, 1, 1, decoder.maskTokens),
          () => slice(x, 1, 0, 1),
        )
      const low_res_masks = chosen(decoded.masks)
      const square = resize(low_res_masks, imageSize, imageSize)
      return {
        image_embedding,
        low_res_masks,
        iou_predictions: chosen(decoded.iou_predictions),
        masks: resizeTo(cropLike(square, image), original_size),
      }
    },
  )
