/** Training by another program: the program that runs says what, the other one does it. */
import type { ModelData } from "../../dsl/model.ts"
import type { TrainingOptions } from "../../dsl/training.ts"

/** A training that another program does. */
export interface PackageRun {
  readonly model: ModelData
  readonly name: string
  /** Hash of the spec. */
  readonly hash: string
  /** The run's folder. */
  readonly folder: string
  readonly data: string
  readonly weights: string | undefined
  readonly points: string | undefined
  /** Foreground in masks of several classes. */
  readonly chosen: number | undefined
  readonly options: TrainingOptions
  readonly checkpointEvery: number | undefined
  readonly validateEvery: number | undefined
  readonly resume: boolean
  /** Memory is scarce: blocks are computed twice. */
  readonly recompute: boolean
  /** Processes, one for each GPU. */
  readonly processes: number | undefined
  /** Aborted: it ends after its step, with a checkpoint. */
  readonly signal: AbortSignal
}
export type Trainer = (run: PackageRun) => Promise<{ readonly finished: boolean }>
