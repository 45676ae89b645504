import { join } from "node:path"
import { limitDiagnostics, limitProblems } from "../../backends/tfjs/limits.ts"
import { learningNames } from "../../compiler/analysis/parameters.ts"
import { trainingOf, version } from "../../compiler/compile.ts"
import { Failed } from "../../compiler/diagnostic.ts"
import { packageRoot } from "../../compiler/frontend/package.ts"
import { standardSizes } from "../../compiler/passes/elaborate/index.ts"
import { inferenceProgram, trainingProgram } from "../../compiler/passes/program.ts"
import { fileName } from "../../compiler/report/escape.ts"
import { emitForBrowser } from "../../runtime/browser/emit.ts"
import { talk } from "../output.ts"
import type { Lower } from "./target.ts"

/** Checks a model against what every WebGPU device has, and writes a folder that a browser opens. Throws HS2601. */
export const forBrowsers: Lower = async ({ name, data }, { specs }, { out, batch = 1, weights, half, example }) => {
  const spec = specs.find(({ models }) => models.some((model) => model.name === name))!
  const sizes = standardSizes(data, batch)
  const segment = inferenceProgram(data, sizes)
  const learning = learningNames(data)
  const options = trainingOf(spec, name, data)
  const programs =
    learning.length === 0 || Object.keys(data.teaches).length === 0
      ? [segment]
      : [segment, trainingProgram(data, sizes, { ...options, learning }).program]
  // What every WebGPU device has: a page does not know yet where it will be opened.
  const problems = programs.flatMap((program) => limitProblems(program)).toSorted((a, b) => b.bytes - a.bytes)
  // What fits the largest fits all: one diagnostic, not one for each block.
  const [worst] = limitDiagnostics(problems.slice(0, 1), () => spec.exportOf(name))
  if (worst !== undefined) {
    const others = problems.length - 1
    throw new Failed([
      others === 0 ? worst : { ...worst, message: `${worst.message}; ${others} other buffers break it too` },
    ])
  }
  talk(`${name}: fits the limits that every WebGPU device has, segmenting${learning.length > 0 ? " and training" : ""}`)
  const folder = join(out, fileName(name))
  const { notes } = await emitForBrowser(data, {
    folder,
    pages: join(packageRoot, "dist/pages"),
    version,
    training: options,
    ...(weights === undefined ? {} : { weights }),
    ...(half === undefined ? {} : { half }),
    ...(example === undefined ? {} : { example }),
  })
  for (const note of notes) talk(`note: ${note}`)
  if (weights === undefined)
    talk("note: no --weights, so the page has initial values: it will say that nothing was learned")
  if (half && learning.length > 0)
    talk(
      `note: 16-bit weights are another base: evaluate what the page learns with --weights ${join(folder, "weights.safetensors")}`,
    )
  talk(`wrote ${folder}: hasam serve ${folder}`)
}
