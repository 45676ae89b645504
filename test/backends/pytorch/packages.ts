/** Packages beside what an engine gave, for check.py. */
import { mkdir, writeFile } from "node:fs/promises"
import { join } from "node:path"
import type { Backend } from "../../../src/backends/backend.ts"
import { pytorchPackage } from "../../../src/backends/pytorch/index.ts"
import { snake } from "../../../src/backends/pytorch/python.ts"
import { reference } from "../../../src/backends/reference.ts"
import { learningNames, tensorTable } from "../../../src/compiler/analysis/parameters.ts"
import { type Shape, sizeOf, type Tensor, type Tensors } from "../../../src/compiler/ir/graph.ts"
import { elaborate, type InputSizes, standardSizes } from "../../../src/compiler/passes/elaborate/index.ts"
import { targetName, targetShape } from "../../../src/compiler/passes/losses.ts"
import { gradientProgram, trainingProgram } from "../../../src/compiler/passes/program.ts"
import { type Loss, type Model, paperDefaults, sgd, type Training } from "../../../src/dsl/index.ts"
import type { ModelData } from "../../../src/dsl/model.ts"
import { promptingOf } from "../../../src/dsl/task.ts"
import { stream } from "../../../src/runtime/data/random.ts"
import { initialValues } from "../../../src/runtime/initial.ts"
import { frozenOf } from "../../../src/runtime/run/adapters.ts"
import { modelHash } from "../../../src/runtime/training/identity.ts"
import { hashOf, saveLearned } from "../../../src/runtime/weights/learned.ts"
import { save } from "../../../src/runtime/weights/save.ts"
import { randomWeights } from "../../run/models.ts"
import { writePackage } from "./tools.ts"

export interface Case {
  readonly model: Model<any, any>
  readonly sizes: InputSizes
  readonly inputs: Tensors
  readonly training?: Training
}
export const promptable = ({ takes }: ModelData) => promptingOf(takes).length > 0
/** Random inputs, two images, and targets of what is taught: of masks and classes, whole numbers. */
export const anyCase = (model: Model<any, any>, loss: Loss, asked?: "points" | "box"): Case => {
  const { data } = model
  const sizes = standardSizes(data, 2, asked)
  const random = stream("inputs", data.name)
  const values = (shape: Shape, of: (i: number) => number): Tensor => ({
    shape,
    data: Float32Array.from({ length: sizeOf(shape) }, (_, i) => of(i)),
  })
  const inputs = Object.entries(sizes.inputs).map(([name, shape]) => {
    const most = data.takes[name]!.kind === "pixels" ? 255 : 12
    const label = (data.takes[name] as { part?: string }).part === "labels"
    return [name, values([2, ...shape], (i) => (label ? 1 - 2 * (i % 2) : most * random.uniform()))] as const
  })
  const { outputs, builder } = elaborate(data, sizes)
  const targets = Object.entries(data.teaches).map(([output, taught]) => {
    const classes = taught.kind === "classes" ? taught.names.length : 2
    const shape = targetShape(taught, builder.shapeOf(outputs[output]!))
    const of = (i: number) => (taught.kind === "point" ? random.uniform() : (i * 7) % classes)
    return [targetName(data.teaches, output), values(shape, of)] as const
  })
  return {
    model,
    sizes,
    inputs: Object.fromEntries([...inputs, ...targets]),
    training: { kind: "training", ...paperDefaults, loss, model: data },
  }
}

export interface Answer {
  readonly initial: string
  readonly counts: readonly [number, number]
  readonly names: readonly string[]
  readonly base: string
  readonly outputs: Readonly<Record<string, number>>
  readonly loss: number
  readonly gradients: Readonly<Record<string, number>>
  readonly others: readonly string[]
  readonly "training loss"?: number
  readonly statistics?: Readonly<Record<string, number>>
  readonly "frozen statistics"?: readonly string[]
  readonly "same bytes"?: boolean
  readonly moved?: readonly string[]
  readonly "base after"?: string
}

/** Loss and new running statistics of one training step. */
const trained = async (
  model: Model<any, any>,
  sizes: InputSizes,
  weights: Tensors,
  inputs: Tensors,
  loss: Loss,
): Promise<Tensors> => {
  const learning = learningNames(model.data)
  const { program } = trainingProgram(model.data, sizes, { learning, loss, optimizer: sgd({ rate: 0 }) })
  const executable = await reference().compile(program)
  await executable.load(weights)
  const clock = { learning_rate: { shape: [], data: Float32Array.of(0) } }
  const outputs = await executable.run({ ...inputs, ...clock })
  const statistics = Object.keys(program.state).filter((name) => name.includes("running_"))
  return { loss: outputs["loss"]!, ...(await executable.read(statistics)) }
}

const about = { version: "0.1.0", name: "small", spec: "" }
export const writeCase = async (
  folder: string,
  { model, sizes, inputs, training }: Case,
  backend: Backend = reference(),
) => {
  const { data } = model
  const table = tensorTable(data)
  const options = { ...about, spec: modelHash(data) }
  await mkdir(join(folder, "package"), { recursive: true })
  await writePackage(join(folder, "package"), pytorchPackage(data, training, options))

  const weights = randomWeights(table)
  for (const { name, shape } of table)
    if (name.endsWith("running_var")) weights[name]!.data.forEach((x, i, all) => (all[i] = 1 + Math.abs(x)))
    else if (name.endsWith("num_batches_tracked"))
      (weights as Record<string, unknown>)[name] = { shape, data: Float32Array.of(0) }
  const learning = learningNames(data)
  const loss = training?.loss ?? paperDefaults.loss
  const { program } = gradientProgram(data, sizes, { learning, loss })
  const { dropouts } = trainingProgram(data, sizes, { learning, loss, optimizer: sgd({ rate: 0 }) })
  const executable = await backend.compile(program)
  await executable.load(weights)
  const outputs = await executable.run(inputs)
  await executable.dispose()
  const output = Object.keys(outputs).find((name) => !name.startsWith("grad/") && name !== "loss")
  const flags = { multimask: sizes.flags.includes("multimask"), output }
  await writeFile(join(folder, "flags.json"), JSON.stringify(flags))
  await save(join(folder, "weights.safetensors"), weights)
  const inPython = Object.entries(inputs).map(([name, x]) => [name in data.takes ? snake(name) : name, x])
  await save(join(folder, "inputs.safetensors"), Object.fromEntries(inPython))
  await save(join(folder, "outputs.safetensors"), outputs)
  // Dropout would draw other masks there.
  if (!promptable(data) && dropouts.length === 0)
    await save(join(folder, "trained.safetensors"), await trained(model, sizes, weights, inputs, loss))
  const frozen = frozenOf(table, weights)
  const learned = Object.fromEntries(Object.entries(weights).filter(([name]) => !(name in frozen)))
  if (data.adaptations.length > 0 || !promptable(data))
    await saveLearned(join(folder, "learned.safetensors"), learned, {
      version: about.version,
      model: about.name,
      spec: options.spec,
      base: hashOf(frozen),
    })
  const initial = Object.fromEntries(table.map((t) => [t.name, { shape: t.shape, data: initialValues(t, 7) }]))
  return { initial: hashOf(initial), base: hashOf(frozen), table }
}
