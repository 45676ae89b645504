import type { Backend } from "../../backends/backend.ts"
import type { Compiled, CompiledModel } from "../../compiler/compile.ts"
import type { ModelData } from "../../dsl/model.ts"
import type { Precision, TrainingOptions } from "../../dsl/training.ts"

/** What `hasam compile` says about files that a target writes. */
export interface LowerFlags {
  readonly out: string
  readonly weights?: string
  readonly batch?: number
}
/** Writes a model for a target into `out`; or checks that the target can run it. */
export type Lower = (model: CompiledModel, compiled: Compiled, flags: LowerFlags) => Promise<void>

/** What a command line says about an engine. */
export interface EngineOptions {
  /** How products are computed, where the engine knows several ways. */
  readonly precision?: Precision
  /** Memory is scarce: attention in pieces. */
  readonly chunked?: boolean
  /** Where lines about what takes time go. */
  readonly note?: (line: string) => void
}

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

/** Something that models are compiled for. What it needs is loaded when it is asked for. */
export interface Target {
  readonly name: string
  /** What it is for, in a few words. */
  readonly about: string
  /** The engine, where the target runs programs in this process. */
  readonly engine?: (options: EngineOptions) => Promise<Backend>
  /** Whether --precision means something to it. */
  readonly precisions?: true
  /** Trains in another program, where the target does not run in this process. */
  readonly trainer?: () => Promise<Trainer>
  /** What `hasam compile` does. Left out: the engine compiles the program, so that it is known to run. */
  readonly lower?: () => Promise<Lower>
}
