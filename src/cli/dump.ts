import { learningNames } from "../compiler/analysis/parameters.ts"
import type { Compiled } from "../compiler/compile.ts"
import { failed } from "../compiler/diagnostic.ts"
import { standardSizes } from "../compiler/passes/elaborate/index.ts"
import { compile, passes } from "../compiler/passes/pipeline.ts"
import { paperDefaults } from "../dsl/training.ts"
import { say } from "./output.ts"
import { bytesOf } from "./trainingOptions.ts"

interface DumpFlags {
  readonly dump?: string
  readonly stopAfter?: string
  readonly batch?: number
  readonly memory?: string
}

/** --dump PASS and --stop-after PASS: each model's graph as text, of a training step where something learns. */
export const dump = ({ models, specs }: Compiled, { dump: after, stopAfter, batch = 1, memory }: DumpFlags): void => {
  const wanted = after ?? stopAfter!
  if (!passes.some(({ name }) => name === wanted))
    throw failed(
      after === undefined ? "--stop-after" : "--dump",
      "HS5002",
      `there is no pass '${wanted}'`,
      `Passes are ${passes.map(({ name, about }) => `${name} (${about})`).join("; ")}.`,
    )
  for (const { name, data } of models) {
    const learning = learningNames(data)
    const options =
      specs.flatMap(({ trainings }) => trainings).find((training) => training.model === name)?.training ?? paperDefaults
    const goal =
      learning.length === 0
        ? ({ kind: "inference" } as const)
        : ({ kind: "training", learning, loss: options.loss, optimizer: options.optimizer } as const)
    const task = {
      model: data,
      sizes: standardSizes(data, batch),
      goal,
      decompose: {},
      ...(memory === undefined ? {} : { memory: bytesOf(memory) }),
    }
    const { dumps } = compile(task, { dump: [wanted], ...(stopAfter === undefined ? {} : { stopAfter }) })
    for (const { text } of dumps) say(`; ${name} after ${wanted}\n${text}`)
  }
}
