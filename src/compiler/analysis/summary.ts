/** What a report says of a model beyond its counts, without compiling it to any target. */
import type { ModelData } from "../../dsl/model.ts"
import { asks, type Storage, type TrainingOptions } from "../../dsl/training.ts"
import { decompose } from "../passes/decompose.ts"
import { standardSizes } from "../passes/elaborate/index.ts"
import type { Fit, ModelReport } from "../report/report.ts"
import { costOf } from "./cost.ts"
import { blockEquations } from "./equations.ts"
import { frozenOf } from "./frozen.ts"
import { commonDevices, type Engine, fitsOf, memoryOf, memoryOfModel, plainEngine } from "./memory.ts"
import { locating, type ModelTensor } from "./parameters.ts"
import { once, relievedNow, stepsOf } from "./relief.ts"

export { receivingOf } from "./reach.ts"

type Needs = Parameters<typeof fitsOf>[0]
/** What segmenting and a training step need, against memory that people have, or `devices`. */
export const fitRows = (inference: Needs, training: Needs, devices = commonDevices): readonly Fit[] => {
  const trains = fitsOf(training, devices)
  return fitsOf(inference, devices).map(({ device, available, needed, fits }, i) => ({
    device,
    bytes: available,
    inference: fits,
    training: trains[i]!.fits,
    needs: { inference: needed, training: trains[i]!.needed },
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
    const stored = frozenOf(model, frozen ?? options.frozen)
    const trainingSizes = standardSizes(model, images, asked)
    const how = { learning: taught, loss, optimizer, accumulate, clip }
    const { inference, training } = memoryOfModel(model, { sizes: one, trainingSizes, engine, stored, ...how })
    const rows = fitRows(inference, training ?? inference)
    const task = { model, sizes: trainingSizes, stored, goal: { kind: "training", ...how } as const }
    const steps = once(() => stepsOf(task))
    const inEngine = (count: number): number => {
      const { graph, state } = steps().program(count)
      const lowered = engine.decompose === undefined ? graph : decompose(graph, engine.decompose)
      return memoryOf({ program: { graph: lowered, state }, gradients: new Map() }, engine).total
    }
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
        fits: [...(training === undefined ? rows : relievedNow(rows, steps, inEngine))],
      },
    }
  }
