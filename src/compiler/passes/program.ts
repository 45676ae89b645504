/**
 * Whole programs from a model: to segment, to give gradients, to train. One list says what learns, and everything follows from it:
 * gradients, optimizer state, what is saved.
 */
import type { ModelData } from "../../dsl/model.ts"
import type { Loss, Optimizer } from "../../dsl/training.ts"
import type { Value } from "../ir/builder.ts"
import type { Program, Shape } from "../ir/graph.ts"
import { differentiate } from "./differentiate.ts"
import type { DropoutInput } from "./elaborate/context.ts"
import { type Elaborated, type ElaborateOptions, elaborate, type InputSizes } from "./elaborate/index.ts"
import { lossOf } from "./losses.ts"
import { optimize } from "./optimizer.ts"
import { simplify } from "./rebuild.ts"

export interface InferenceOptions {
  readonly fromEmbedding?: boolean
  /** Only these outputs; all of them if it is left out. */
  readonly outputs?: readonly string[]
}
/** Inputs by name → all outputs by name. */
export const inferenceProgram = (model: ModelData, sizes: InputSizes, options: InferenceOptions = {}): Program => {
  const { builder, outputs } = elaborate(model, sizes, { fromEmbedding: options.fromEmbedding ?? false })
  const wanted = Object.entries(outputs).filter(([name]) => options.outputs?.includes(name) ?? true)
  return { graph: simplify(builder.build(Object.fromEntries(wanted))), state: {} }
}

export interface LearningOptions {
  /** Names of the tensors that learn. */
  readonly learning: readonly string[]
  readonly loss: Loss
  readonly fromEmbedding?: boolean
}
/** A program with a loss, and which tensors it can teach. */
export interface LearningProgram {
  readonly program: Program
  /** Names that receive a gradient, in the order of `learning`. */
  readonly receiving: readonly string[]
  /** Names that learn, but on which the loss does not depend. */
  readonly unreached: readonly string[]
  readonly dropouts: readonly DropoutInput[]
}

/** The output that losses compare with the target: SAM's masks, or a model's first output. */
const compared = ({ outputs }: Elaborated): Value => outputs["masks"] ?? Object.values(outputs)[0]!

/** Targets of masks are one plane an image; of anything else, of the output's shape. */
const targetShape = (elaborated: Elaborated, shape: Shape): Shape =>
  "masks" in elaborated.outputs || shape.length === 4 ? [shape[0]!, 1, ...shape.slice(2)] : shape

const withLoss = (model: ModelData, sizes: InputSizes, options: LearningOptions & ElaborateOptions) => {
  const elaborated = elaborate(model, sizes, options)
  const { builder: b } = elaborated
  const output = compared(elaborated)
  const target = b.input("target", targetShape(elaborated, b.shapeOf(output)))
  const loss = lossOf(b, options.loss, output, target)
  return { ...elaborated, b, loss, ...differentiate(b, loss, options.learning) }
}

/** Inputs and target → all outputs, loss, and grad/<name> of everything that learns and is reached. */
export const gradientProgram = (model: ModelData, sizes: InputSizes, options: LearningOptions): LearningProgram => {
  const { b, outputs, loss, gradients, unreached, dropouts } = withLoss(model, sizes, options)
  const named = [...gradients].map(([name, value]) => [`grad/${name}`, value] as const)
  return {
    program: { graph: simplify(b.build({ ...outputs, loss, ...Object.fromEntries(named) })), state: {} },
    receiving: options.learning.filter((name) => gradients.has(name)),
    unreached,
    dropouts,
  }
}

export interface TrainingProgramOptions extends LearningOptions {
  readonly optimizer: Optimizer
  /** Runs whose gradients are averaged before a step. */
  readonly accumulate?: number
}

/** Inputs, target and clock → loss; parameters that learn, moments and running statistics are state. */
export const trainingProgram = (
  model: ModelData,
  sizes: InputSizes,
  options: TrainingProgramOptions,
): LearningProgram => {
  const {
    b,
    loss,
    gradients,
    unreached,
    dropouts,
    updates: statistics,
  } = withLoss(model, sizes, { ...options, training: true })
  const ordered = new Map(
    options.learning.flatMap((name) => (gradients.has(name) ? [[name, gradients.get(name)!] as const] : [])),
  )
  const next = new Map([...optimize(b, options.optimizer, ordered, options.accumulate ?? 1), ...statistics])
  const outputs = Object.fromEntries([...next].map(([name, value]) => [`next/${name}`, value]))
  return {
    program: {
      graph: simplify(b.build({ loss, ...outputs })),
      state: Object.fromEntries([...next.keys()].map((name) => [name, `next/${name}`])),
    },
    receiving: [...ordered.keys()],
    unreached,
    dropouts,
  }
}
