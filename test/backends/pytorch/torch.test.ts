import { mkdir, mkdtemp, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { millions } from "../../../examples/ha-sam/index.ts"
import { pytorchPackage } from "../../../src/backends/pytorch/index.ts"
import { snake } from "../../../src/backends/pytorch/python.ts"
import { reference } from "../../../src/backends/reference.ts"
import { changingTensors, learningNames, tensorTable } from "../../../src/compiler/analysis/parameters.ts"
import { type Shape, sizeOf, type Tensor, type Tensors } from "../../../src/compiler/ir/graph.ts"
import { elaborate, type InputSizes, standardSizes } from "../../../src/compiler/passes/elaborate/index.ts"
import { targetName, targetShape } from "../../../src/compiler/passes/losses.ts"
import { gradientProgram, trainingProgram } from "../../../src/compiler/passes/program.ts"
import {
  add,
  blocks,
  crossEntropy,
  dice,
  focal,
  freezeAll,
  type Loss,
  type Model,
  mse,
  paperDefaults,
  pipe,
  sgd,
  type Training,
  tensor,
  tversky,
  unfreeze,
} from "../../../src/dsl/index.ts"
import type { ModelData } from "../../../src/dsl/model.ts"
import { imageOf, promptingOf } from "../../../src/dsl/task.ts"
import { stream } from "../../../src/runtime/data/random.ts"
import { initialValues } from "../../../src/runtime/initial.ts"
import { frozenOf } from "../../../src/runtime/run/adapters.ts"
import { modelHash } from "../../../src/runtime/training/identity.ts"
import { hashOf, saveLearned } from "../../../src/runtime/weights/learned.ts"
import { save } from "../../../src/runtime/weights/save.ts"
import { PythonSession, pythonWith } from "../../python/index.ts"
import { adapted, odd, other, prompts, randomInputs, randomWeights, sizesFor } from "../../run/models.ts"
import {
  classified,
  clicked,
  clickedLoss,
  masked,
  names,
  partlyFrozen,
  points,
  shiftedWindows,
  tied,
  unet,
} from "./models.ts"
import { writePackage } from "./tools.ts"

interface Case {
  readonly model: Model<any, any>
  readonly sizes: InputSizes
  readonly inputs: Tensors
  readonly training?: Training
}
const promptable = ({ takes }: ModelData) => promptingOf(takes).length > 0
const samCase = (model: Model<any, any>, prompt: keyof typeof prompts, multimask = false): Case => {
  const sizes = sizesFor(imageOf(model.data.takes)!.pixels.size[0], prompt, multimask)
  return { model, sizes, inputs: randomInputs(sizes) }
}
/** Random inputs, two images, and targets of what is taught: of masks and classes, whole numbers. */
const anyCase = (model: Model<any, any>, loss: Loss, asked?: "points" | "box"): Case => {
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

const cases: Readonly<Record<string, Case>> = {
  ...Object.fromEntries(Object.entries(adapted).map(([name, model]) => [name, samCase(model, "point")])),
  ...Object.fromEntries(
    (Object.keys(prompts) as (keyof typeof prompts)[]).flatMap((prompt) => [
      [`odd-${prompt}`, samCase(odd, prompt)],
      [`other-${prompt}`, samCase(other, prompt, true)],
    ]),
  ),
  partly: samCase(
    pipe(odd, freezeAll, unfreeze("maskDecoder", blocks(2), tensor("image_encoder.pos_embed"))) as Model<any, any>,
    "all",
  ),
  unet: anyCase(unet, paperDefaults.loss),
  partlyFrozen: anyCase(partlyFrozen, paperDefaults.loss),
  names: anyCase(names, mse()),
  tied: anyCase(tied, paperDefaults.loss),
  points: anyCase(points, mse()),
  "clicked-points": anyCase(clicked, clickedLoss, "points"),
  "clicked-box": anyCase(clicked, clickedLoss, "box"),
  "mask-dice-batch": anyCase(masked, dice({ over: "batch", smooth: 0.5 })),
  "mask-mse": anyCase(masked, mse()),
  "mask-focal": anyCase(masked, focal({ gamma: 1.5, alpha: 0.3 })),
  "mask-tversky": anyCase(masked, add(tversky({ alpha: 0.3, beta: 0.7 }), focal())),
  "classes-entropy": anyCase(classified, add(crossEntropy(), dice({ over: "classes" }))),
  "classes-weighted": anyCase(classified, crossEntropy({ weights: [0.2, 1, 2] })),
  "classes-focal": anyCase(classified, add(focal({ alpha: 0.4 }), tversky())),
  shiftedWindows: anyCase(shiftedWindows, paperDefaults.loss),
}

interface Answer {
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
const write = async (folder: string, { model, sizes, inputs, training }: Case) => {
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
  const executable = await reference().compile(program)
  await executable.load(weights)
  const outputs = await executable.run(inputs)
  const output = Object.keys(outputs).find((name) => !name.startsWith("grad/") && name !== "loss")
  const flags = { multimask: sizes.flags.includes("multimask"), output }
  await writeFile(join(folder, "flags.json"), JSON.stringify(flags))
  await save(join(folder, "weights.safetensors"), weights)
  const inPython = Object.entries(inputs).map(([name, x]) => [name in data.takes ? snake(name) : name, x])
  await save(join(folder, "inputs.safetensors"), Object.fromEntries(inPython))
  await save(join(folder, "outputs.safetensors"), outputs)
  if (!promptable(data))
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

const python = pythonWith("torch")

describe.skipIf(python === undefined)("generated modules in PyTorch", () => {
  const session = new PythonSession(python)
  afterAll(() => session.end())
  const right: Record<string, Awaited<ReturnType<typeof write>>> = {}
  let answers: Readonly<Record<string, Answer>> = {}

  beforeAll(async () => {
    const root = await mkdtemp(join(tmpdir(), "hasam-pytorch-"))
    for (const [name, one] of Object.entries(cases)) right[name] = await write(join(root, name), one)
    const script = fileURLToPath(new URL("./check.py", import.meta.url))
    const folders = Object.keys(cases).map((name) => join(root, name))
    const { torch, seconds, results } = JSON.parse(await session.said([script, ...folders]))
    answers = results
    console.info(`PyTorch ${torch}: ${folders.length} packages in ${seconds.toFixed(1)} s`)
  })

  describe.each(Object.keys(cases))("%s", (name) => {
    it("has the compiler's names, counts and initial values, bit for bit", () => {
      const { table, initial } = right[name]!
      const answer = answers[name]!
      expect(answer.names).toEqual(table.filter(({ persistent }) => persistent).map((t) => t.name))
      const sum = (learns: boolean) =>
        table.reduce((n, t) => (t.kind === "parameter" && (t.learns || !learns) ? n + t.size : n), 0)
      expect(answer.counts).toEqual([sum(false), sum(true)])
      expect(answer.initial).toBe(initial)
    })

    it("gives the float64 evaluation's outputs, loss and gradients", () => {
      const answer = answers[name]!
      for (const [output, error] of Object.entries(answer.outputs)) expect(error, output).toBeLessThan(2e-5)
      expect(answer.loss).toBeLessThan(1e-5)
      expect(Object.keys(answer.gradients).length).toBeGreaterThan(0)
      for (const [tensor, error] of Object.entries(answer.gradients)) expect(error, tensor).toBeLessThan(1e-4)
      expect(answer.others).toEqual([])
    })

    it("hashes the frozen base as hasam does", () => {
      expect(answers[name]!.base).toBe(right[name]!.base)
    })

    if (!promptable(cases[name]!.model.data))
      it("trains with the batch's statistics where batch norms learn, and only there", () => {
        const answer = answers[name]!
        expect(answer["training loss"]).toBeLessThan(1e-5)
        for (const [buffer, error] of Object.entries(answer.statistics!)) expect(error, buffer).toBeLessThan(1e-5)
        expect(answer["frozen statistics"]).toEqual([])
        const norms = right[name]!.table.filter((t) => t.name.endsWith("running_mean")).length
        expect(Object.keys(answer.statistics!).length).toBe(name === "partlyFrozen" ? norms : 2 * norms)
      })

    const { adaptations } = cases[name]!.model.data
    if (adaptations.length > 0 || !promptable(cases[name]!.model.data))
      it("takes what learned and gives back the same bytes; steps leave what is frozen as it was", () => {
        const answer = answers[name]!
        expect(answer["same bytes"]).toBe(true)
        const changing = changingTensors(right[name]!.table).map((t) => t.name)
        expect(answer.moved!.toSorted()).toEqual(changing.toSorted())
        expect(answer["base after"]).toBe(answer.base)
      })
  })

  it("HA-SAM on ViT-B: PyTorch counts 6,815,046 parameters that learn", async () => {
    const folder = await mkdtemp(join(tmpdir(), "hasam-pytorch-"))
    await writePackage(folder, pytorchPackage(millions.data))
    const code =
      "from building import counts; from model import build; print(f'{counts(build(values=False))[1]:,} trainable')"
    expect(await session.said(["-c", code], { cwd: folder })).toBe("6,815,046 trainable\n")
  })

  it("a package whose model was changed by hand says so and stops", async () => {
    const folder = await mkdtemp(join(tmpdir(), "hasam-pytorch-"))
    const files = pytorchPackage(adapted.afterAttention.data)
    await writePackage(folder, { ...files, "model.py": files["model.py"]!.replaceAll("rank=5", "rank=6") })
    const changed = await session.run(["-c", "import model; model.build()"], { cwd: folder })
    expect(changed.status).not.toBe(0)
    expect(changed.talk).toMatch(/PyTorch counts 489 of 70,344 parameters that learn, the compiler 440 of 70,295/)
  })
})
