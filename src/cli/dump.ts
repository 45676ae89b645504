import { frozenOf } from "../compiler/analysis/frozen.ts"
import { learningNames } from "../compiler/analysis/parameters.ts"
import { type Compiled, trainingOf } from "../compiler/compile.ts"
import { standardSizes } from "../compiler/passes/elaborate/index.ts"
import { compile } from "../compiler/passes/pipeline.ts"
import { asks, type Storage } from "../dsl/training.ts"
import { say } from "./output.ts"

interface DumpFlags {
  readonly dump?: string
  readonly stopAfter?: string
  readonly batch?: number
  readonly memory?: number
  readonly frozen?: Storage
}

/** --dump PASS and --stop-after PASS: each model's graph as text, of a training step where something learns. */
export const dump = (
  { models, specs }: Compiled,
  { dump: after, stopAfter, batch = 1, memory, frozen }: DumpFlags,
): void => {
  const wanted = after ?? stopAfter!
  for (const { name, data } of models) {
    const learning = learningNames(data)
    const options = trainingOf({ trainings: specs.flatMap(({ trainings }) => trainings) }, name, data)
    const goal =
      learning.length === 0 || Object.keys(data.teaches).length === 0
        ? ({ kind: "inference" } as const)
        : ({ kind: "training", learning, loss: options.loss, optimizer: options.optimizer } as const)
    const task = {
      model: data,
      sizes: standardSizes(data, batch, asks(options.prompt)),
      goal,
      decompose: {},
      stored: frozenOf(data, frozen ?? options.frozen),
      ...(memory === undefined ? {} : { memory }),
    }
    const { dumps } = compile(task, { dump: [wanted], ...(stopAfter === undefined ? {} : { stopAfter }) })
    for (const { text } of dumps) say(`; ${name} after ${wanted}\n${text}`)
  }
}
