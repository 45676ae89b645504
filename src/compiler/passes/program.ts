/**
 * Whole programs from a model: to segment, to give gradients, to train. One list says what learns, and everything follows from it:
 * gradients, optimizer state, what is saved.
 */
import type { ModelData } from "../../dsl/model.ts"
import type { PartRates } from "../../dsl/rates.ts"
import type { AutoLr, Clip, Loss, Optimizer } from "../../dsl/training.ts"
import type { Program } from "../ir/graph.ts"
import type { InputSizes } from "./elaborate/index.ts"
import { type Compiled, compile } from "./pipeline.ts"
import type { Frozen } from "./store.ts"

export interface InferenceOptions {
  /** Outputs that were kept for the images, and are inputs here. */
  readonly kept?: readonly string[] | undefined
  /** Only these outputs; all of them if it is left out. */
  readonly outputs?: readonly string[]
  /** In train mode, with these tensors learning. */
  readonly trainMode?: readonly string[] | undefined
}
/** Inputs by name → all outputs by name. */
export const inferenceProgram = (
  model: ModelData,
  sizes: InputSizes,
  { kept, outputs, trainMode }: InferenceOptions = {},
): Program => compile({ model, sizes, kept, goal: { kind: "inference", outputs, trainMode } }).program

export interface LearningOptions {
  /** Names of the tensors that learn. */
  readonly learning: readonly string[]
  readonly loss: Loss
  /** Outputs that were kept for the images, and are inputs here. */
  readonly kept?: readonly string[] | undefined
}
export interface GradientOptions extends LearningOptions {
  /** Dropout acts, and batch norms that learn use the batch. */
  readonly trainMode?: boolean | undefined
}
/** A program with a loss, and which tensors it can teach. */
export type LearningProgram = Omit<Compiled, "dumps">

/** Inputs and target → all outputs, loss, and grad/<name> of everything that learns and is reached. */
export const gradientProgram = (
  model: ModelData,
  sizes: InputSizes,
  { kept, learning, loss, trainMode }: GradientOptions,
): LearningProgram => compile({ model, sizes, kept, goal: { kind: "gradients", learning, loss, trainMode } })

export interface TrainingProgramOptions extends LearningOptions {
  readonly optimizer: Optimizer
  /** Runs whose gradients are averaged before a step. */
  readonly accumulate?: number | undefined
  readonly clip?: Clip | undefined
  /** Of parts, in place of the optimizer's rate. */
  readonly rates?: readonly PartRates[] | undefined
  /** Rates of blocks are inputs `rate_factor/<depth>` [], in times what they would be. */
  readonly autoLr?: AutoLr | undefined
  /** Bytes for tensors: blocks are computed again for the backward pass, as few as it takes. */
  readonly memory?: number
  /** Weights that are kept in fewer bits. */
  readonly stored?: Frozen | undefined
}

/** Inputs, target and clock → loss; parameters that learn, moments and running statistics are state. */
export const trainingProgram = (
  model: ModelData,
  sizes: InputSizes,
  { kept, learning, loss, optimizer, accumulate, clip, rates, autoLr, memory, stored }: TrainingProgramOptions,
): LearningProgram =>
  compile({
    model,
    sizes,
    kept,
    goal: { kind: "training", learning, loss, optimizer, accumulate, clip, rates, autoLr },
    // Planned as the plainest engine runs it: attention in chunks.
    ...(memory === undefined ? {} : { memory }),
    stored,
  })
