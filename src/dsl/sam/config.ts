/** What makes one SAM differ from another; defaults are segment-anything's (build_sam.py). */
export interface SamConfig<Depth extends number = number, W extends number = number> {
  /** Side of the square image that the encoder sees, in pixels. */
  readonly imageSize: number
  readonly patchSize: number
  /** Features in each block of the encoder. */
  readonly width: W
  readonly depth: Depth
  readonly heads: number
  readonly windowSize: number
  /** Blocks that attend to the whole image, counted from 0 as upstream's global_attn_indexes. */
  readonly globalBlocks: readonly number[]
  readonly mlpRatio: number
  /** Channels of the image embedding, and features of the decoder. */
  readonly outChannels: number
  readonly maskChannels: number
  readonly decoder: DecoderConfig
}
export interface DecoderConfig {
  readonly depth: number
  readonly heads: number
  readonly mlpWidth: number
  readonly iouWidth: number
  readonly iouDepth: number
  readonly maskTokens: number
}

export const defaults = {
  imageSize: 1024,
  patchSize: 16,
  windowSize: 14,
  mlpRatio: 4,
  outChannels: 256,
  maskChannels: 16,
  decoder: { depth: 2, heads: 8, mlpWidth: 2048, iouWidth: 256, iouDepth: 3, maskTokens: 4 },
} as const

/** Tokens along one side of the image embedding. */
export const gridOf = ({ imageSize, patchSize }: Pick<SamConfig, "imageSize" | "patchSize">): number =>
  Math.floor(imageSize / patchSize)
