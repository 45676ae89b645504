import {
  adam,
  adapt,
  afterAttention,
  freezeAll,
  linear,
  lora,
  pipe,
  residual,
  sam,
  sequential,
  training,
  uniform,
} from "hasam"

const config = {
  imageSize: 64,
  patchSize: 8,
  width: 32,
  depth: 2,
  heads: 2,
  globalBlocks: [1],
  outChannels: 32,
  maskChannels: 8,
  decoder: { depth: 2, heads: 2, mlpWidth: 32, iouWidth: 16, iouDepth: 3, maskTokens: 4 },
} as const
export const base = sam(config)
export const adapted = pipe(
  base,
  freezeAll,
  adapt(uniform(2, 4), (rank) => [
    lora({ rank, on: ["q", "v"], alpha: 8 }),
    afterAttention(residual(sequential(linear(32, rank), linear(rank, 32)))),
  ]),
)
export const how = training(adapted, { optimizer: adam({ rate: 1e-2 }), epochs: 3, batch: 2 })
