/** What programs need on an NVIDIA GPU, by the compiler's own figures where its plugin is installed. */
import { describedFor } from "../../backends/xla/described.ts"
import { cuda } from "../../backends/xla/engine.ts"
import { totalOf } from "../../backends/xla/pjrt/api.ts"
import { planned } from "../../backends/xla/planned.ts"
import { learningNames } from "../../compiler/analysis/parameters.ts"
import { trainingOf } from "../../compiler/compile.ts"
import { Failed } from "../../compiler/diagnostic.ts"
import { standardSizes } from "../../compiler/passes/elaborate/index.ts"
import { inferenceProgram, trainingProgram } from "../../compiler/passes/program.ts"
import { asks } from "../../dsl/training.ts"
import { talk } from "../output.ts"
import { wayOf, within } from "./memory.ts"
import type { Lower, Measure } from "./target.ts"

const gib = (bytes: number): string => `${(bytes / 2 ** 30).toFixed(2)} GiB`

/** On the GPU that is here, or, where only the plugin is, for an H100 that is described. Throws HS2801 where there is no plugin. */
const compiledFor: Measure = async (program, { precision, ...how }) => {
  const engine = { note: talk, ...how, ...(precision === undefined ? {} : { precision }) }
  try {
    const { memory, device, available, dispose } = await cuda(engine).compile(program)
    await dispose()
    return { bytes: totalOf(memory), compiledFor: device, available }
  } catch (problem) {
    const [{ code, message }] = problem instanceof Failed ? problem.diagnostics : [{ code: "", message: "" }]
    if (code !== "HS2804") throw problem
    talk(`note: ${message}`)
    talk("note: compiling for an H100 that is described; this takes minutes for a large model")
    const { device, available, total } = await describedFor(program, engine)
    return { bytes: total, compiledFor: `a described ${device}`, available }
  }
}

/** The compiler's figure, or the plan's where it cannot be had: what stands in the way, lowering tells. */
export const compiledNeeds: Measure = async (program, how) => {
  try {
    return await compiledFor(program, how)
  } catch (problem) {
    if (!(problem instanceof Failed)) throw problem
    return { bytes: planned(program, how) }
  }
}

/** Compiles what the spec would train, or segment, unless the report has done so. Throws HS2801 to HS2807. */
export const forCuda: Lower = async ({ name, data }, { specs, report }, flags) => {
  const spec = specs.find(({ models }) => models.some((one) => one.name === name))!
  const { precision: own, ...training } = trainingOf(spec, name, data)
  const learning = Object.keys(data.teaches).length > 0 ? learningNames(data) : []
  const what = learning.length === 0 ? "segmenting" : "a training step"
  const known = report.models.find((one) => one.name === name)?.memory
  if (known?.compiledFor !== undefined) {
    talk(`${name}: ${what} needs ${gib(known.training)} at once; compiled for ${known.compiledFor}`)
    return
  }
  const sizes = standardSizes(data, flags.batch ?? training.batch, asks(training.prompt))
  const program =
    learning.length === 0
      ? inferenceProgram(data, sizes)
      : trainingProgram(data, sizes, { ...training, learning, ...within(flags.memory) }).program
  const needed = await compiledFor(program, wayOf(flags, own))
  talk(`${name}: ${what} needs ${gib(needed.bytes)} at once; compiled for ${needed.compiledFor}`)
}
