import type { Compiled, CompiledModel } from "../../compiler/compile.ts"
import type { Program } from "../../compiler/ir/graph.ts"
import type { Prompting } from "../../dsl/task.ts"
import type { Precision } from "../../dsl/training.ts"
import type { OpenEngine } from "../../runtime/engines.ts"
import type { Trainer } from "../../runtime/training/elsewhere.ts"

/** What `hasam compile` says about a step. */
export interface StepFlags {
  readonly batch?: number
  readonly precision?: Precision
  readonly attention?: "whole" | "fused"
  /** Bytes that tensors of a step may take. */
  readonly memory?: number
}
/** And about files that a target writes. */
export interface LowerFlags extends StepFlags {
  readonly out: string
  readonly weights?: string
  /** Of the weights, where their file does not say it. */
  readonly licence?: string
  /** What every object is asked by in an ONNX file, all of it at once. */
  readonly asks?: readonly Prompting[]
  /** Weights of pages in 16 bits. */
  readonly half?: boolean
  /** An image that pages come with. */
  readonly example?: string
}
/** Writes a model for a target into `out`; or checks that the target can run it. */
export type Lower = (model: CompiledModel, compiled: Compiled, flags: LowerFlags) => Promise<void>

/** What a program needs on a target. */
export interface Needed {
  /** Bytes at once. */
  readonly bytes: number
  /** The device that it was compiled for; left out where the figure is predicted. */
  readonly compiledFor?: string
  /** Bytes that this device has, where it tells. */
  readonly available?: number | undefined
}
/** How a program would be run. */
export interface Way {
  readonly precision?: Precision | undefined
  /** Memory is scarce: attention in pieces. */
  readonly chunked?: boolean
  readonly fused?: boolean
}
export type Measure = (program: Program, way: Way) => Promise<Needed>

/** Something that models are compiled for. What it needs is loaded when it is asked for. */
export interface Target {
  readonly name: string
  /** What it is for, in a few words. */
  readonly about: string
  /** The engine, where the target runs programs in this process. */
  readonly engine?: OpenEngine
  /** Trains in another program, where the target does not run in this process. */
  readonly trainer?: () => Promise<Trainer>
  /** What programs need there, for a report's `fits`; left out where nothing runs, and for the CPU engine, which reports are of. */
  readonly memory?: () => Promise<Measure>
  /** What `hasam compile` does. Left out: the engine compiles the program, so that it is known to run. */
  readonly lower?: () => Promise<Lower>
}
