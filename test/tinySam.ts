/** The smallest SAM that tests segment and train with: images of 32², a grid of 4², one block. */
export const tinyDecoder = { depth: 1, heads: 2, mlpWidth: 16, iouWidth: 8, iouDepth: 2, maskTokens: 2 } as const
export const tinyOptions = {
  imageSize: 32,
  patchSize: 8,
  width: 16,
  depth: 1,
  heads: 2,
  globalBlocks: [0],
  outChannels: 16,
  maskChannels: 4,
  decoder: tinyDecoder,
} as const
