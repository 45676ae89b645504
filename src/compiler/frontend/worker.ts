/** The thread in which a spec is run. */
import { createRequire } from "node:module"
import { compileFunction } from "node:vm"
import { parentPort } from "node:worker_threads"
import { guarded } from "../../dsl/guard.ts"
import * as hasam from "../../dsl/index.ts"
import type { Pair } from "../../dsl/layer.ts"
import { isMade, isModel, type ModelData, withImageSize } from "../../dsl/model.ts"
import { misfitOf } from "../../dsl/signatures.ts"
import { isStudy } from "../../dsl/study.ts"
import { isTraining, type Training } from "../../dsl/training.ts"
import { namedStudy } from "./study.ts"

const nodeRequire = createRequire(import.meta.url)
const { language, senseless, expected } = guarded(hasam)
const requireFor = (name: string): unknown => (name === "hasam" ? language : nodeRequire(name))

/** Why a value is not plain data; a model that was put together by hand may be anything. */
const sound = new WeakSet<object>()
const flawOf = (value: unknown, above: ReadonlySet<unknown> = new Set()): string | undefined => {
  if (typeof value === "function") return "it holds a function where data should be"
  if (typeof value === "symbol" || typeof value === "bigint") return `it holds a ${typeof value}`
  if (typeof value !== "object" || value === null) return undefined
  if (sound.has(value)) return undefined
  if (above.has(value)) return "a layer contains itself"
  if (above.size > 400) return "its layers are nested too deeply"
  const within = new Set(above).add(value)
  for (const inner of Object.values(value)) {
    const flaw = flawOf(inner, within)
    if (flaw !== undefined) return flaw
  }
  sound.add(value)
  return undefined
}
const isTable = (x: unknown): boolean => typeof x === "object" && x !== null && !Array.isArray(x)
/** Only model(…) makes models, by itself or within a named one. */
const modelFlaw = (data: ModelData): string | undefined => {
  const { network, takes, teaches, blocks, adaptations, rules, expectations } = data
  if (!isTable(network) || typeof network.kind !== "string" || !isTable(takes) || !isTable(teaches))
    return "it was not made by model(…)"
  if (![blocks, adaptations, rules, expectations].every(Array.isArray)) return "it was not made by model(…)"
  const flaw = flawOf(network) ?? flawOf({ takes, teaches, blocks, adaptations, rules, expectations })
  return flaw ?? (isMade(data) ? undefined : "it was not made by model(…)")
}

const trainingFlaw = ({ kind: _, model: __, at: ___, rates: ____, ...options }: Training): string | undefined =>
  flawOf(options) ?? misfitOf("training", 1, options)

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
    const fakes = entries.flatMap(([name, value]) => {
      if (isModel(value)) {
        const flaw = isTable(value.data) ? modelFlaw(value.data) : "it was not made by model(…)"
        return flaw === undefined ? [] : [{ name, flaw, what: "a model" }]
      }
      if (!isTraining(value)) return []
      // A training may be written out of another's; what it says is looked at as training(…) does.
      const flaw = isTable(value.model) ? (modelFlaw(value.model) ?? trainingFlaw(value)) : "its model is none"
      return flaw === undefined ? [] : [{ name, flaw, what: "a training" }]
    })
    const isFake = (name: string) => fakes.some((fake) => fake.name === name)
    const models = entries.flatMap(([name, value]) =>
      isModel(value) && !isFake(name) ? [{ name, data: value.data }] : [],
    )
    const functions = entries.flatMap(([name, value]) => (typeof value === "function" ? [name] : []))
    const trainings = entries.flatMap(([name, value]) => {
      if (!isTraining(value) || isFake(name)) return []
      const of = models.find(({ data }) => data === value.model)?.name
      return [{ name, training: value, ...(of === undefined ? {} : { model: of }) }]
    })
    const studies = entries.flatMap(([name, value]) =>
      isStudy(value) ? [namedStudy(name, value, { models, trainings })] : [],
    )
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
      studies,
      fakes,
      functions,
      senseless,
      expected,
    })
  } catch (problem) {
    const error = problem instanceof Error ? problem : new Error(String(problem))
    const at = placeOf(error.stack ?? "", filename)
    parentPort!.postMessage({
      models: [],
      trainings: [],
      senseless,
      problem: { message: error.message, ...(at === undefined ? {} : { at }) },
    })
  }
})
