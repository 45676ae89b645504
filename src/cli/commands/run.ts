import { learningNames } from "../../compiler/analysis/parameters.ts"
import { type Diagnostics, Failed, failed } from "../../compiler/diagnostic.ts"
import { sizeOf, type Tensors } from "../../compiler/ir/graph.ts"
import { gradientProgram, inferenceProgram } from "../../compiler/passes/program.ts"
import type { Precision } from "../../dsl/training.ts"
import { modelWeights } from "../../runtime/base.ts"
import { withAdapters } from "../../runtime/run/adapters.ts"
import { decodeInputs } from "../../runtime/run/inputs.ts"
import { loadAll } from "../../runtime/weights/load.ts"
import { save } from "../../runtime/weights/save.ts"
import { talk } from "../output.ts"
import { selectModel } from "../select.ts"
import { demandEngine, engineFor } from "../targets/index.ts"

interface RunFlags {
  readonly weights?: string
  readonly adapters?: string
  readonly inputs: string
  readonly outputs: string
  readonly target: string
  readonly precision?: Precision
  readonly gradients?: boolean
  readonly multimask?: boolean
  readonly inputSize?: number
  readonly seed: number
}

/** hasam run SPEC: inputs → outputs, as segment-anything's Sam.forward. */
export const run = async (spec: string, flags: RunFlags): Promise<void> => {
  demandEngine(flags.target)
  const { model, options } = await selectModel(spec, flags)
  const { data } = model
  const { inputs, diagnostics } = decodeInputs(flags.inputs, data, await loadAll(flags.inputs), {
    multimask: flags.multimask ?? false,
  })
  if (inputs === undefined) throw new Failed(diagnostics as unknown as Diagnostics)
  if (flags.gradients && inputs.target === undefined)
    throw failed(
      flags.inputs,
      "HS5201",
      "there is no 'target', and gradients need one",
      "Save the target as [B, 1, height, width], 0…1, under the name 'target'.",
    )

  const { tensors, notes } = await modelWeights(data, flags.weights, flags.seed)
  for (const note of notes) talk(`note: ${note}`)
  const weights = flags.adapters === undefined ? tensors : await withAdapters(data, tensors, flags.adapters)

  const learning = learningNames(data)
  const made = flags.gradients ? gradientProgram(data, inputs.sizes, { learning, loss: options.loss }) : undefined
  const program = made?.program ?? inferenceProgram(data, inputs.sizes)
  const backend = await engineFor(flags.target, flags)
  const executable = await backend.compile(program)
  try {
    await executable.load(weights, { give: true })
    const feeds: Tensors = made === undefined ? inputs.feeds : { ...inputs.feeds, target: inputs.target! }
    const outputs = await executable.run(feeds)
    await save(flags.outputs, outputs)
    for (const [name, { shape }] of Object.entries(outputs))
      if (!name.startsWith("grad/")) talk(`${name} [${shape.join(", ")}]`)
    if (made !== undefined) {
      const size = made.receiving.reduce((n, name) => n + sizeOf(outputs[`grad/${name}`]!.shape), 0)
      talk(`gradients of ${made.receiving.length} tensors, ${size.toLocaleString("en-US")} parameters`)
      if (made.unreached.length > 0)
        talk(`note: ${made.unreached.length} tensors learn, but the loss does not depend on them with these prompts`)
    }
  } finally {
    await executable.dispose()
  }
}
