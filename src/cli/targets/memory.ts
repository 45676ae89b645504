/** A report's memory on the target that was asked for, in place of the CPU engine's. */

import { commonDevices } from "../../compiler/analysis/memory.ts"
import { learningNames } from "../../compiler/analysis/parameters.ts"
import { once, relievedLater, stepsOf } from "../../compiler/analysis/relief.ts"
import { fitRows } from "../../compiler/analysis/summary.ts"
import { type Compiled, trainingOf } from "../../compiler/compile.ts"
import { standardSizes } from "../../compiler/passes/elaborate/index.ts"
import { inferenceProgram, trainingProgram } from "../../compiler/passes/program.ts"
import type { Memory, ModelReport } from "../../compiler/report/report.ts"
import { asks, type Precision } from "../../dsl/training.ts"
import { targetNamed } from "./index.ts"
import type { Needed, StepFlags, Way } from "./target.ts"

/** The models' reports; those whose memory was not asked for, and targets without figures of their own, stay as they are. */
export const neededOn = async (
  name: string,
  { models, specs, report }: Compiled,
  flags: StepFlags,
): Promise<readonly ModelReport[]> => {
  const target = targetNamed(name)
  if (target.memory === undefined || report.models.every(({ memory }) => memory === undefined)) return report.models
  const measure = await target.memory()
  const changed: ModelReport[] = []
  for (const of of report.models) {
    const compiled = models.find((one) => one.name === of.name)
    const spec = specs.find((one) => one.models.some((model) => model.name === of.name))
    if (of.memory === undefined || compiled === undefined || spec === undefined) {
      changed.push(of)
      continue
    }
    const { data } = compiled
    const { precision: own, ...training } = trainingOf(spec, of.name, data)
    const { batch, memory } = flags
    const how = wayOf(flags, own)
    const prompts = asks(training.prompt)
    const learning = Object.keys(data.teaches).length > 0 ? learningNames(data) : []
    const inference = await measure(inferenceProgram(data, standardSizes(data, batch ?? 1, prompts)), how)
    const sizes = standardSizes(data, batch ?? training.batch, prompts)
    const step =
      learning.length === 0
        ? inference
        : await measure(trainingProgram(data, sizes, { ...training, learning, ...within(memory) }).program, how)
    const there = onDevice(name, of.memory, inference, step, how)
    // A compiler takes a minute for each answer; a trace and a plan do not.
    const asking = learning.length > 0 && memory === undefined && step.compiledFor === undefined
    const { loss, optimizer, accumulate, clip, rates } = training
    const goal = { kind: "training", learning, loss, optimizer, accumulate, clip, rates } as const
    const steps = once(() => stepsOf({ model: data, sizes, goal }))
    const needs = async (count: number) => (await measure(steps().program(count), how)).bytes
    const fits = asking ? [...(await relievedLater(there.fits, steps, needs))] : there.fits
    changed.push({ ...of, memory: { ...of.memory, ...there, fits } })
  }
  return changed
}

/** How a step would be run: as is asked, else as the spec says. */
export const wayOf = ({ precision, memory, attention }: StepFlags, own: Precision | undefined): Way => ({
  precision: precision ?? own,
  chunked: memory !== undefined,
  fused: attention === "fused",
})
/** Blocks are computed twice until a step's tensors fit. */
export const within = (memory: number | undefined) => (memory === undefined ? {} : { memory })

const onDevice = (
  target: string,
  { largest }: NonNullable<ModelReport["memory"]>,
  inference: Needed,
  training: Needed,
  { precision = "float32", fused, chunked }: Way,
): Partial<Memory> & Pick<Memory, "fits"> => {
  const { compiledFor, available } = training
  const way = [precision, ...(fused ? ["attention fused"] : []), ...(chunked ? ["attention in pieces"] : [])].join(", ")
  const devices =
    compiledFor === undefined || available === undefined
      ? commonDevices
      : [...commonDevices, { name: `${(available / 2 ** 30).toFixed(0)} GB (${compiledFor})`, bytes: available }]
  const needs = ({ bytes }: Needed) => ({ total: bytes, largest: { ...largest, op: "input" as const } })
  return {
    inference: inference.bytes,
    training: training.bytes,
    target,
    ...(compiledFor === undefined ? {} : { compiledFor: `${compiledFor}, ${way}` }),
    fits: [...fitRows(needs(inference), needs(training), devices)],
  }
}
