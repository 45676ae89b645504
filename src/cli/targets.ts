import { mkdirSync } from "node:fs"
import { join } from "node:path"
import { learningNames } from "../compiler/analysis/parameters.ts"
import { type Compiled, type CompiledModel, version } from "../compiler/compile.ts"
import { Failed, failed } from "../compiler/diagnostic.ts"
import type { Place } from "../compiler/frontend/evaluate.ts"
import { standardSizes } from "../compiler/passes/elaborate/index.ts"
import { inferenceProgram, trainingProgram } from "../compiler/passes/program.ts"
import { paperDefaults } from "../dsl/training.ts"
import { writeAtomically } from "../runtime/files.ts"
import { modelHash } from "../runtime/training/identity.ts"
import { talk } from "./output.ts"

export interface TargetFlags {
  readonly out: string
  readonly weights?: string
  readonly batch?: number
}
type Lower = (model: CompiledModel, compiled: Compiled, out: string, flags: TargetFlags) => Promise<void>

const runnable =
  (name: string): Lower =>
  async ({ name: model, data }, _, __, { batch = 1 }) => {
    const { backendFor } = await import("./backends.ts")
    const backend = await backendFor(name)
    const executable = await backend.compile(inferenceProgram(data, standardSizes(data, batch)))
    await executable.dispose()
    talk(`${model}: ${name} can run it`)
  }

const targets: Readonly<Record<string, Lower>> = {
  cpu: runnable("cpu"),
  wasm: runnable("wasm"),
  webgpu: async ({ name, data }, { specs }, out, { batch = 1 }) => {
    const { limitDiagnostics, limitProblems } = await import("../backends/tfjs/limits.ts")
    const spec = specs.find(({ models }) => models.some((model) => model.name === name))!
    const sizes = standardSizes(data, batch)
    const segment = inferenceProgram(data, sizes)
    const learning = learningNames(data)
    const programs =
      learning.length === 0
        ? [segment]
        : [segment, trainingProgram(data, sizes, { ...paperDefaults, learning }).program]
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
    talk(
      `${name}: fits the limits that every WebGPU device has, segmenting${learning.length > 0 ? " and training" : ""}`,
    )
    const { emitForBrowser } = await import("../runtime/browser/emit.ts")
    await emitForBrowser(join(out, name), segment)
    talk(`wrote ${join(out, name)}: put weights.safetensors there and serve it`)
  },
  onnx: async ({ name, data }, _, out, { batch = 1, weights }) => {
    const { writeOnnx } = await import("../runtime/onnxFile.ts")
    const written = await writeOnnx(data, {
      batch,
      path: join(out, `${name}.onnx`),
      ...(weights === undefined ? {} : { weights }),
    })
    for (const file of written) talk(`wrote ${file}`)
  },
  pytorch: async ({ name, data }, { specs, models }, out) => {
    const { pytorchPackage } = await import("../backends/pytorch/index.ts")
    const training = specs.flatMap(({ trainings }) => trainings).find((one) => one.model === name)?.training
    const spec = specs.find(({ models }) => models.some((one) => one.name === name))
    const lineOf = ({ file, line }: Place): string => `${file.split(/[/\\]/).slice(-2).join("/")}:${line}`
    const place = (at: string | undefined) =>
      at === undefined || spec === undefined ? undefined : lineOf(spec.placeOf(at))
    const source = spec === undefined ? undefined : lineOf(spec.exportOf(name))
    const about = { name, place, source, version, spec: modelHash(data) }
    const folder = models.length === 1 ? out : join(out, name)
    mkdirSync(folder, { recursive: true })
    for (const [file, text] of Object.entries(pytorchPackage(data, training, about)))
      await writeAtomically(join(folder, file), text)
    talk(`wrote ${folder}`)
  },
}

/** --target TARGET: files for onnx and pytorch; for engines, whether they can run the model. */
export const lowerTo = async (compiled: Compiled, target: string, flags: TargetFlags): Promise<void> => {
  const lower = targets[target]
  if (lower === undefined)
    throw failed(
      "--target",
      "HS2503",
      `there is no target '${target}'`,
      `Targets are ${Object.keys(targets).join(", ")}.`,
    )
  for (const model of compiled.models) await lower(model, compiled, flags.out, flags)
}
