/**
 * What a model takes and what it is taught, acted on: feeds and targets of samples, answers at the original size, scores. Training,
 * evaluation and pages ask here and know no model. One file a kind.
 */

import { failed } from "../../compiler/diagnostic.ts"
import type { Program, Shape, Tensor, Tensors } from "../../compiler/ir/graph.ts"
import { targetName } from "../../compiler/passes/losses.ts"
import type { ModelData } from "../../dsl/model.ts"
import { type Feed, imageOf, type Pixels, promptingOf, type Taught } from "../../dsl/task.ts"
import { asks, type Prompt } from "../../dsl/training.ts"
import type { Sample } from "../data/reader.ts"
import { boxFeed } from "./boxes.ts"
import { classesAnswer, classesScore, labelsOf } from "./classes.ts"
import { diceOf, maskAnswer, maskOf, maskTarget } from "./masks.ts"
import { type Fitted, pixelFeed } from "./pixels.ts"
import { isHit, pointAnswer, pointTarget } from "./point.ts"
import { pointFeed } from "./points.ts"

/** The image that a model takes. Throws HS5311 for a model without one: samples have nothing else to feed. */
export const pixelsOf = ({ name, takes }: Pick<ModelData, "name" | "takes">): Pixels => {
  const image = imageOf(takes)
  if (image === undefined)
    throw failed(name, "HS5311", "the model takes no image", "Say takes: { image: pixels({ … }) } in model(…).")
  return image.pixels
}

/** What an output is taught; of several, the first, by which runs are scored. Throws HS5311 for a model that teaches nothing. */
export const taughtOf = ({
  name,
  teaches,
}: Pick<ModelData, "name" | "teaches">): readonly [output: string, taught: Taught] => {
  const [first] = Object.entries(teaches)
  if (first === undefined)
    throw failed(
      name,
      "HS5311",
      "the model teaches nothing: no output has an answer to compare",
      "Say teaches: { masks: masks() } in model(…).",
    )
  return first
}

/** Is the model asked about a place, by this prompt? */
export const isAsked = ({ takes }: Pick<ModelData, "takes">, prompt: Prompt): boolean =>
  promptingOf(takes).includes(asks(prompt))

/** Is a mask without foreground no case for the model: nothing to prompt, nothing to point at? */
export const needsForeground = (model: ModelData, prompt: Prompt): boolean =>
  isAsked(model, prompt) || Object.values(model.teaches).some(({ kind }) => kind === "point")

const feedOf = (samples: readonly Sample[], feed: Feed): Tensor | undefined => {
  switch (feed.kind) {
    case "pixels":
      return pixelFeed(samples, feed)
    case "points":
      return pointFeed(samples, feed)
    case "box":
      return boxFeed(samples)
    case "mask":
    case "given":
      return undefined
  }
}

/** Everything of a batch that the model takes, for a run with this prompt. */
export const feedsOf = (samples: readonly Sample[], { takes }: ModelData, prompt: Prompt): Tensors =>
  Object.fromEntries(
    Object.entries(takes).flatMap(([name, feed]) => {
      const wanted = feed.kind === "pixels" || feed.kind === asks(prompt)
      const fed = wanted ? feedOf(samples, feed) : undefined
      return fed === undefined ? [] : [[name, fed] as const]
    }),
  )

const targetOf = (samples: readonly Sample[], taught: Taught, pixels: Pixels, shape: Shape): Tensor =>
  taught.kind === "point" ? pointTarget(samples, pixels) : maskTarget(samples, pixels, shape)

/** What the outputs are compared with, in the shapes that a program asks for. */
export const targetsOf = (samples: readonly Sample[], model: ModelData, program: Program): Tensors => {
  const shapes = new Map(
    program.graph.nodes.flatMap((node) => (node.op === "input" ? [[node.attrs.name, node.shape] as const] : [])),
  )
  const pixels = pixelsOf(model)
  return Object.fromEntries(
    Object.entries(model.teaches).flatMap(([output, taught]) => {
      const name = targetName(model.teaches, output)
      const shape = shapes.get(name)
      return shape === undefined ? [] : [[name, targetOf(samples, taught, pixels, shape)] as const]
    }),
  )
}

/** The answer for one image: a mask's logits at the original size, those of all classes, or a point in its pixels. */
export const answerOf = (output: Tensor, taught: Taught, pixels: Pixels, sample: Fitted): Float32Array => {
  switch (taught.kind) {
    case "masks":
      return maskAnswer(output, pixels, sample)
    case "classes":
      return classesAnswer(output, pixels, sample)
    case "point":
      return pointAnswer(output, pixels, sample)
  }
}

/** Dice of a mask, mean Dice over the classes, or 1 for a point inside the mask. */
export const scoreOf = (answer: Float32Array, taught: Taught, { mask, originalSize }: Sample): number => {
  switch (taught.kind) {
    case "masks":
      return diceOf(maskOf(answer, originalSize), mask)
    case "classes":
      return classesScore(labelsOf(answer, originalSize), mask, taught)
    case "point":
      return Number(isHit(answer, mask))
  }
}
/** What a score is called. */
export const measureOf = ({ kind }: Taught): "Dice" | "hits" => (kind === "point" ? "hits" : "Dice")
/** How many classes a model's masks have, the background among them; undefined where a mask is inside or outside. */
export const classesTaught = ({ teaches }: Pick<ModelData, "teaches">): number | undefined => {
  const found = Object.values(teaches).find((taught) => taught.kind === "classes")
  return found?.kind === "classes" ? found.names.length : undefined
}
/** Is a model taught where the centre of a mask is? */
export const teachesCentres = ({ teaches }: Pick<ModelData, "teaches">): boolean =>
  Object.values(teaches).some(({ kind }) => kind === "point")
