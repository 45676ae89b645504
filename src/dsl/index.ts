/**
 * What a spec imports.
 *
 * @module hasam
 */
export { pipe } from "fp-ts/lib/function.js"
export { adapt } from "./adapt.ts"
export type { BlockInfo } from "./blocks.ts"
export { chain, parallel, type Repeated, repeat, residual, sequential, shared, skipConcat } from "./combinators.ts"
export { type Counts, type CountsOf, counted } from "./counted.ts"
export { define, extent, features, flag, ifGiven, list, named, optional, whenGiven } from "./define.ts"
export { type Budget, budget, expectTotal, expectTrainable } from "./expect.ts"
export type { Formula } from "./formulas.ts"
export * as forward from "./functions.ts"
export type { Child, Embedding, Init, Interpolation, Layer, List, Module, Pair, Pointwise, Raw } from "./layer.ts"
export {
  type Conv1dOptions,
  type Conv2dOptions,
  type ConvOptions,
  type ConvTransposeOptions,
  conv1d,
  conv2d,
  convTranspose2d,
  depthwiseConv2d,
  type Size,
} from "./layers/convolution.ts"
export { embedding, type LinearOptions, linear } from "./layers/linear.ts"
export {
  type BatchNormOptions,
  batchNorm1d,
  batchNorm2d,
  groupNorm,
  layerNorm,
  layerNorm2d,
  type NormOptions,
} from "./layers/norm.ts"
export {
  avgPool2d,
  dropout,
  dropPath,
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
export {
  mlp,
  patchExpand,
  patchMerging,
  type SwinBlockOptions,
  swinBlock,
  type WindowAttentionOptions,
  windowAttention,
} from "./layers/swin.ts"
export { type Backbone, type Model, type ModelOptions, model } from "./model.ts"
export {
  afterAttention,
  afterMlp,
  at,
  type BesideOptions,
  besideMlp,
  besideMlpResidual,
  inMlpResidual,
  type KeysAndValuesOptions,
  keysAndValues,
  type LoraOptions,
  ladder,
  lora,
  type Placement,
  type PromptTokensOptions,
  promptTokens,
} from "./placement.ts"
export { adaptFormer, haSam, houlsby, ladderSide, prefixTuning, samedLora, vptDeep, vptShallow } from "./presets.ts"
export { type RateOf, type Rates, rates } from "./rates.ts"
export type { SamConfig } from "./sam/config.ts"
export { maskDecoder, projectedAttention as samAttention } from "./sam/decoder.ts"
export {
  block as samBlock,
  gridAttention as samGridAttention,
  imageEncoder,
  mlpBlock as samMlp,
  neck as samNeck,
  patchEmbed as samPatchEmbed,
} from "./sam/encoder.ts"
export { promptEncoder } from "./sam/prompts.ts"
export {
  type Sam,
  type SamOptions,
  type SamPart,
  sam,
  samParts,
  samTakes,
  samVitB,
  samVitH,
  samVitL,
  type ViTB,
  type ViTH,
  type ViTL,
} from "./sam/registry.ts"
export { samNetwork } from "./sam/sam.ts"
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
export {
  asTrained,
  automatic,
  jittered,
  type Study,
  type StudyArm,
  type StudyOptions,
  type StudyPrompt,
  study,
} from "./study.ts"
export {
  boxes,
  classes,
  given,
  imageNet,
  lowResolutionMask,
  masks,
  type Pixels,
  pixels,
  point,
  points,
  unitRange,
} from "./task.ts"
export * from "./training.ts"
export type { Extent, Flag, Value } from "./value.ts"
export { type VitConfig, vit } from "./vit.ts"
export { asRatio, type Problem, type Rank, type Ratio } from "./width.ts"
