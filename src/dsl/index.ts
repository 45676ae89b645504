/** What a spec imports. */
export { pipe } from "fp-ts/lib/function.js"
export { adapt } from "./adapt.ts"
export { parallel, repeat, residual, sequential, skipConcat } from "./combinators.ts"
export { type Counts, type CountsOf, counted } from "./counted.ts"
export { define, ifGiven, list, named, several, table as tableOfEmbedding, type Value, whenGiven } from "./define.ts"
export { type Budget, budget, expectTotal, expectTrainable } from "./expect.ts"
export * as forward from "./functions.ts"
export type { Init, Layer, Pair, Pointwise, Raw } from "./layer.ts"
export {
  type ConvOptions,
  type ConvTransposeOptions,
  conv2d,
  convTranspose2d,
  depthwiseConv2d,
  type Size,
} from "./layers/convolution.ts"
export { embedding, type LinearOptions, linear } from "./layers/linear.ts"
export {
  type BatchNormOptions,
  batchNorm2d,
  groupNorm,
  layerNorm,
  layerNorm2d,
  type NormOptions,
} from "./layers/norm.ts"
export {
  avgPool2d,
  dropout,
  gelu,
  globalAveragePool,
  identity,
  maxPool2d,
  type PoolOptions,
  relu,
  sigmoid,
  tanh,
  upsample,
} from "./layers/pointwise.ts"
export { buffer, parameter } from "./layers/raw.ts"
export type { Backbone, Model, Sam, SamPart, ViTB, ViTH, ViTL } from "./model.ts"
export {
  afterAttention,
  type BesideOptions,
  besideMlp,
  besideMlpResidual,
  inMlpResidual,
  type LoraOptions,
  lora,
  type Placement,
} from "./placement.ts"
export type { SamConfig } from "./sam/config.ts"
export { type ModelOptions, model, type SamOptions, sam, samVitB, samVitH, samVitL } from "./sam/registry.ts"
export {
  type Block,
  fitTrainable,
  type Rounding,
  reverse,
  type Schedule,
  schedule,
  table,
  totalOf,
  uniform,
  without,
  withTotal,
} from "./schedule.ts"
export { blocks, freeze, freezeAll, inBlocks, type Select, submodule, tensor, unfreeze } from "./select.ts"
export * from "./training.ts"
export { asRatio, type Problem, type Rank, type Ratio } from "./width.ts"
