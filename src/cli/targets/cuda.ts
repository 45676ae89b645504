import { describedFor } from "../../backends/xla/described.ts"
import { cuda } from "../../backends/xla/engine.ts"
import { totalOf } from "../../backends/xla/pjrt/api.ts"
import { learningNames } from "../../compiler/analysis/parameters.ts"
import { Failed } from "../../compiler/diagnostic.ts"
import { standardSizes } from "../../compiler/passes/elaborate/index.ts"
import { inferenceProgram, trainingProgram } from "../../compiler/passes/program.ts"
import { paperDefaults } from "../../dsl/training.ts"
import { talk } from "../output.ts"
import type { Lower } from "./target.ts"

const gib = (bytes: number): string => `${(bytes / 2 ** 30).toFixed(2)} GiB`

/**
 * Compiles what the spec would train, or segment, and tells what the compiler plans for it: for the GPU that is here, or, where only the
 * plugin is, for an H100 that is described. Throws HS2801 where there is no plugin.
 */
export const forCuda: Lower = async ({ name, data }, { specs }, { batch }) => {
  const options = specs.flatMap(({ trainings }) => trainings).find((one) => one.model === name)?.training
  const { precision, ...training } = options ?? paperDefaults
  const sizes = standardSizes(data, batch ?? training.batch)
  const learning = learningNames(data)
  const [what, program] =
    learning.length === 0
      ? (["segmenting", inferenceProgram(data, sizes)] as const)
      : (["a training step", trainingProgram(data, sizes, { ...training, learning }).program] as const)
  const engine = { note: talk, ...(precision === undefined ? {} : { precision }) }
  try {
    const executable = await cuda(engine).compile(program)
    await executable.dispose()
    talk(`${name}: ${what} needs ${gib(totalOf(executable.memory))} at once on the GPU that is here`)
  } catch (problem) {
    const [{ code, message }] = problem instanceof Failed ? problem.diagnostics : [{ code: "", message: "" }]
    if (code !== "HS2804") throw problem
    talk(`note: ${message}`)
    talk("note: compiling for an H100 that is described; this takes minutes for a large model")
    const { device, available, total } = await describedFor(program, engine)
    talk(`${name}: ${what} needs ${gib(total)} at once, of ${gib(available)} of an ${device}`)
  }
}
