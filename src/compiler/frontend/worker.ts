/** The thread in which a spec is run. */
import { createRequire } from "node:module"
import { compileFunction } from "node:vm"
import { parentPort } from "node:worker_threads"
import * as hasam from "../../dsl/index.ts"
import type { Pair } from "../../dsl/layer.ts"
import { isModel, type ModelData, withImageSize } from "../../dsl/model.ts"
import { isTraining } from "../../dsl/training.ts"

const nodeRequire = createRequire(import.meta.url)
const requireFor = (name: string): unknown => (name === "hasam" ? hasam : nodeRequire(name))

/** The first place in the bundle on an error's stack. */
const placeOf = (stack: string, filename: string): string | undefined => {
  const line = stack.split("\n").find((text) => text.includes(filename))
  return line === undefined ? undefined : /([^\s(]*:\d+:\d+)\)?$/.exec(line)?.[1]
}

// A spec may print while it is being written; stdout is for the command's answer.
Object.assign(console, { log: console.error, info: console.error, debug: console.error })

parentPort?.once("message", ({ code, filename, inputSize }: { code: string; filename: string; inputSize?: Pair }) => {
  const module: { exports: Record<string, unknown> } = { exports: {} }
  try {
    compileFunction(code, ["module", "exports", "require"], { filename })(module, module.exports, requireFor)
    const entries = Object.entries(module.exports)
    const models = entries.flatMap(([name, value]) => (isModel(value) ? [{ name, data: value.data }] : []))
    const trainings = entries.flatMap(([name, value]) => {
      if (!isTraining(value)) return []
      const of = models.find(({ data }) => data === value.model)?.name
      return [{ name, training: value, ...(of === undefined ? {} : { model: of }) }]
    })
    // Plain data crosses to the compiler's thread; what makes a network anew for another size stays here.
    const plain = (data: ModelData): ModelData => {
      const { resized: _, ...rest } = withImageSize(data, inputSize)
      return rest
    }
    parentPort!.postMessage({
      models: models.map(({ name, data }) => ({ name, data: plain(data) })),
      trainings: trainings.map(({ training, ...rest }) => ({
        ...rest,
        training: { ...training, model: plain(training.model) },
      })),
    })
  } catch (problem) {
    const error = problem instanceof Error ? problem : new Error(String(problem))
    const at = placeOf(error.stack ?? "", filename)
    parentPort!.postMessage({
      models: [],
      trainings: [],
      problem: { message: error.message, ...(at === undefined ? {} : { at }) },
    })
  }
})
