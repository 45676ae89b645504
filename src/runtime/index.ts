/**
 * What runs models, for code: the same work as the commands do, with the same files. It prints nothing and never ends the process; what is wrong comes as
 * `Failed`, with the diagnostics that a command would print, or as a value by `attempt`.
 *
 * @module runtime
 */
export { type Diagnostic, type Diagnostics, Failed } from "../compiler/diagnostic.ts"
export type { Shape, Tensor, Tensors } from "../compiler/ir/graph.ts"
export { type Attempt, attempt } from "./api/attempt.ts"
export { maskPng, type PhantomSettings, phantoms, readImage } from "./api/data.ts"
export { type Evaluated, type EvaluateOptions, evaluate } from "./api/evaluate.ts"
export {
  type Loaded,
  type LoadOptions,
  load,
  type Prompt,
  type Segmentation,
  type SegmentedObject,
  type SegmentSettings,
} from "./api/load.ts"
export { type TrainOptions, train } from "./api/train.ts"
export type { Mask, Raster } from "./data/raster.ts"
export type { EngineName } from "./engines.ts"
export type { PointResult } from "./evaluation/cases.ts"
export type { Tell, Told } from "./events.ts"
export type { CaseResult, Results } from "./metrics/results.ts"
export { compareMasks, type MetricOptions, type Metrics } from "./metrics/segmentation.ts"
export type { Summary } from "./metrics/statistics.ts"
export type { RunEvent, Trained } from "./training/start.ts"
