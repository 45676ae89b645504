/** What a report says of a model beyond its counts, without compiling it to any target. */
import type { ModelData } from "../../dsl/model.ts"
import { asks, type Storage, type TrainingOptions } from "../../dsl/training.ts"
import { standardSizes } from "../passes/elaborate/index.ts"
import type { Fit, ModelReport } from "../report/report.ts"
import { costOf } from "./cost.ts"
import { blockEquations } from "./equations.ts"
import { frozenOf } from "./frozen.ts"
import { commonDevices, type Engine, fitsOf, memoryOfModel, plainEngine } from "./memory.ts"
import { locating, type ModelTensor } from "./parameters.ts"

export { receivingOf } from "./reach.ts"

type Needs = Parameters<typeof fitsOf>[0]
/** What segmenting and a training step need, against memory that people have, or `devices`. */
export const fitRows = (inference: Needs, training: Needs, devices = commonDevices): readonly Fit[] => {
  const trains = fitsOf(training, devices)
  return fitsOf(inference, devices).map(({ device, available, fits }, i) => ({
    device,
    bytes: available,
    inference: fits,
    training: trains[i]!.fits,
  }))
}

/**
 * FLOPs of an image, and memory as an engine needs it, of the run that the spec's training describes: its batch, its prompt, its loss and
 * optimizer. `batch`, where given, is what a command asked for instead; `frozen`, how frozen weights of products are kept.
 */
export const costReport =
  (batch?: number, engine: Engine = plainEngine, frozen?: Storage) =>
  (
    model: ModelData,
    tensors: readonly ModelTensor[],
    options: TrainingOptions,
  ): Pick<ModelReport, "flops" | "memory" | "equations"> => {
    const learning = tensors.filter(({ learns }) => learns).map(({ name }) => name)
    const taught = Object.keys(model.teaches).length > 0 ? learning : []
    const { loss, optimizer, accumulate, clip } = options
    const asked = asks(options.prompt)
    const images = batch ?? options.batch
    // One image is segmented at a time; a step takes the batch that the spec or the command says.
    const one = standardSizes(model, batch ?? 1, asked)
    const cost = costOf(model, { sizes: one, learning: taught, loss })
    const { inference, training } = memoryOfModel(model, {
      sizes: one,
      trainingSizes: standardSizes(model, images, asked),
      learning: taught,
      engine,
      loss,
      optimizer,
      accumulate,
      clip,
      stored: frozenOf(model, frozen ?? options.frozen),
    })
    const locate = locating(model)
    const needed = training ?? inference
    const { bytes, shape, from } = [inference, needed]
      .map(({ largest }) => largest)
      .reduce((a, b) => (b.bytes > a.bytes ? b : a))
    return {
      flops: {
        convention: "1 multiply-add = 2 FLOPs",
        forward: cost.inference,
        backward: cost.training?.backward ?? 0,
        modules: [...cost.modules]
          .filter(([, { forward, backward }]) => forward + backward > 0)
          .map(([path, phases]) => ({ path, ...locate(path), ...phases })),
      },
      equations: [...blockEquations(model, cost.graph)],
      memory: {
        inference: inference.total,
        training: needed.total,
        ...(images === 1 ? {} : { batch: images }),
        largest: { bytes, shape: [...shape], from },
        fits: [...fitRows(inference, needed)],
      },
    }
  }
