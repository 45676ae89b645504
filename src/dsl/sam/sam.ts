/** The whole of SAM, from raw pixels to masks at the original size (segment_anything/modeling/sam.py). */
import { define, ifGiven, several, type Value } from "../define.ts"
import { cropLike, div, padTo, resize, resizeTo, slice, sub } from "../functions.ts"
import type { Layer } from "../layer.ts"
import { buffer } from "../layers/raw.ts"
import type { SamConfig } from "./config.ts"
import { maskDecoder } from "./decoder.ts"
import { imageEncoder } from "./encoder.ts"
import { promptEncoder } from "./prompts.ts"

/** Means and deviations of the pixels that SAM was trained on, 0…255, RGB. Padding has the value that becomes zero: the mean. */
export const pixelMean = [123.675, 116.28, 103.53] as const
export const pixelStd = [58.395, 57.12, 57.375] as const

const pixels = (values: readonly number[]) => buffer([3, 1, 1], { values }, { persistent: false })

/**
 * image [b, 3, h, w], raw 0…255, its longer side already imageSize; prompts as in promptEncoder; `multimask`, when given, asks for
 * tokens 1… in place of token 0. Gives image_embedding, low_res_masks, iou_predictions, and masks (logits) at original_size.
 */
export const samNetwork = (config: SamConfig): Layer<3, number> =>
  define(
    "Sam",
    {
      pixel_mean: pixels(pixelMean),
      pixel_std: pixels(pixelStd),
      image_encoder: imageEncoder(config),
      prompt_encoder: promptEncoder(config),
      mask_decoder: maskDecoder(config),
    },
    {
      takes: 3,
      gives: 1,
      inputs: ["image", "point_coords", "point_labels", "boxes", "mask_input", "multimask"],
      optional: ["point_coords", "point_labels", "boxes", "mask_input", "multimask"],
    },
    (m, { image, point_coords, point_labels, boxes, mask_input, multimask }) => {
      const { imageSize, decoder } = config
      const normalised = div(sub(image!, m.pixel_mean), m.pixel_std)
      const image_embedding = m.image_encoder(padTo(normalised, imageSize))
      const prompts = several(m.prompt_encoder, point_coords!, point_labels!, boxes!, mask_input!)
      const [points, corners, dense, image_pe] = prompts as [Value, Value, Value, Value]
      const decoded = several(m.mask_decoder, image_embedding, image_pe, points, corners, dense)
      const [allMasks, allScores] = decoded as [Value, Value]

      const chosen = (x: Value) =>
        ifGiven(
          multimask!,
          () => slice(x, 1, 1, decoder.maskTokens),
          () => slice(x, 1, 0, 1),
        )
      const low_res_masks = chosen(allMasks)
      const square = resize(low_res_masks, imageSize, imageSize)
      return {
        image_embedding,
        low_res_masks,
        iou_predictions: chosen(allScores),
        masks: resizeTo(cropLike(square, image!), "original_size"),
      }
    },
  )
