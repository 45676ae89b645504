/** SAM's prompt encoder: points, boxes and masks become tokens and an image (segment_anything/modeling/prompt_encoder.py). */
import { sequential } from "../combinators.ts"
import { define, features, ifGiven, optional, whenGiven } from "../define.ts"
import {
  add,
  concat,
  constant,
  cos,
  equals,
  matmul,
  mul,
  pixelCentres,
  rearrange,
  repeatBatch,
  scale,
  shift,
  sin,
} from "../functions.ts"
import { conv2d } from "../layers/convolution.ts"
import { embedding } from "../layers/linear.ts"
import { layerNorm2d } from "../layers/norm.ts"
import { gelu } from "../layers/pointwise.ts"
import { buffer } from "../layers/raw.ts"
import type { Value } from "../value.ts"
import { gridOf, type SamConfig } from "./config.ts"

/** Coordinates from 0 to 1 → sines and cosines of 2π times their random projections: [..., 2] → [..., width]. */
const randomPositions = (width: number) =>
  define(
    "PositionEmbeddingRandom",
    { positional_encoding_gaussian_matrix: buffer([2, width / 2], { normal: 1 }) },
    { coords: features(2) },
    (m, { coords }) => {
      const centred = shift(scale(coords, 2), -1)
      const angles = scale(matmul(centred, m.positional_encoding_gaussian_matrix), 2 * Math.PI)
      return concat([sin(angles), cos(angles)], -1)
    },
  )

const maskDownscaling = (channels: number, width: number) =>
  sequential(
    conv2d(1, channels / 4, 2, { stride: 2 }),
    layerNorm2d(channels / 4),
    gelu,
    conv2d(channels / 4, channels, 2, { stride: 2 }),
    layerNorm2d(channels),
    gelu,
    conv2d(channels, width, 1),
  )

/**
 * point_coords [b, n, 2] in pixels (x, y), point_labels [b, n] (1 inside, 0 outside, −1 padding), boxes [b, 4] (x0, y0, x1, y1),
 * mask_input [b, 1, 4·grid, 4·grid] → sparse [b, tokens, width], dense (broadcasts to [b, width, grid, grid]), image_pe [1, width, grid, grid].
 * Without boxes, points get one extra padding point.
 */
export const promptEncoder = (config: SamConfig) => {
  const { outChannels: width, maskChannels, imageSize } = config
  const grid = gridOf(config)
  return define(
    "PromptEncoder",
    {
      pe_layer: randomPositions(width),
      point_embeddings: [embedding(1, width), embedding(1, width), embedding(1, width), embedding(1, width)],
      not_a_point_embed: embedding(1, width),
      mask_downscaling: maskDownscaling(maskChannels, width),
      no_mask_embed: embedding(1, width),
    },
    { point_coords: optional(2), point_labels: optional(1), boxes: optional(4), mask_input: optional(1) },
    (m, { point_coords, point_labels, boxes, mask_input }) => {
      // Pixels count from their corner: +0.5 moves to the centre.
      const positions = (pixels: Value<any>) => m.pe_layer({ coords: scale(shift(pixels, 0.5), 1 / imageSize) })
      const [outsideKind, insideKind, firstCorner, secondCorner] = m.point_embeddings

      const points = whenGiven(point_coords, (given) => {
        const zeros = (shape: number[]) => repeatBatch(constant([0], shape), given)
        const coords = ifGiven<Value, number>(
          boxes,
          () => given,
          // Upstream appends (0, 0) after the shift; −0.5 before it is the same, and its encoding is masked out anyway.
          () => concat([given, shift(zeros([1, 1, 2]), -0.5)], 1),
        )
        const labels = rearrange(
          ifGiven<Value, number>(
            boxes,
            () => point_labels as Value,
            () => concat([point_labels, shift(zeros([1, 1]), -1)], 1),
          ),
          "b n -> b n 1",
        )
        const padding = equals(labels, -1)
        const encoded = mul(positions(coords), shift(scale(padding, -1), 1))
        const notAPoint = mul(padding, m.not_a_point_embed.table)
        const outside = mul(equals(labels, 0), outsideKind.table)
        const inside = mul(equals(labels, 1), insideKind.table)
        return add(add(add(encoded, notAPoint), outside), inside)
      })
      const corners = whenGiven(boxes, (given) => {
        const coords = rearrange(given, "b (corner xy) -> b corner xy", { corner: 2 })
        const kinds = concat([firstCorner.table, secondCorner.table], 0)
        return add(positions(coords), rearrange(kinds, "corner c -> 1 corner c"))
      })
      const dense = ifGiven(
        mask_input,
        (given) => m.mask_downscaling(given),
        () => rearrange(m.no_mask_embed.table, "1 c -> 1 c 1 1"),
      )
      const image_pe = rearrange(m.pe_layer({ coords: pixelCentres(grid, grid) }), "1 h w c -> 1 c h w")
      return { points, corners, dense, image_pe }
    },
  )
}
