import { frozenOf } from "../../compiler/analysis/frozen.ts"
import { learningNames } from "../../compiler/analysis/parameters.ts"
import { type Diagnostics, Failed, failed } from "../../compiler/diagnostic.ts"
import { sizeOf, type Tensors } from "../../compiler/ir/graph.ts"
import { targetName } from "../../compiler/passes/losses.ts"
import { compile } from "../../compiler/passes/pipeline.ts"
import { gradientProgram } from "../../compiler/passes/program.ts"
import { counted } from "../../compiler/report/units.ts"
import type { Pair } from "../../dsl/layer.ts"
import type { Loss, Precision, Storage } from "../../dsl/training.ts"
import { demandOther } from "../../runtime/apart.ts"
import { modelWeights } from "../../runtime/base.ts"
import { withAdapters } from "../../runtime/run/adapters.ts"
import { decodeInputs } from "../../runtime/run/inputs.ts"
import { selectModel } from "../../runtime/select.ts"
import { dropoutFeeds } from "../../runtime/training/dropout.ts"
import { loadAll } from "../../runtime/weights/load.ts"
import { leftOnDisk } from "../../runtime/weights/onDisk.ts"
import { save } from "../../runtime/weights/save.ts"
import { talk, talkDiagnostics } from "../output.ts"
import { demandEngine, engineFor } from "../targets/index.ts"

interface RunFlags {
  readonly weights?: string
  readonly adapters?: string
  readonly inputs: string
  readonly outputs: string
  readonly target: string
  readonly precision?: Precision
  readonly frozen?: Storage
  readonly gradients?: boolean
  readonly multimask?: boolean
  readonly flag?: readonly string[]
  readonly trainMode?: boolean
  readonly diceOver?: "image" | "batch"
  readonly inputSize?: Pair
  readonly seed: number
}

/** The spec's loss with its Dice of each image, or of the whole batch. */
const withDiceOver = (loss: Loss, over: "image" | "batch"): Loss => {
  if (loss.kind === "sum")
    return { ...loss, terms: loss.terms.map((term) => ({ ...term, loss: withDiceOver(term.loss, over) })) }
  if (loss.kind === "on") return { ...loss, loss: withDiceOver(loss.loss, over) }
  if (loss.kind !== "dice" || loss.over === "classes") return loss
  return over === "batch" ? { ...loss, over } : { kind: "dice", smooth: loss.smooth }
}

/** hasam run SPEC: inputs → outputs, named as the model declares them. */
export const run = async (spec: string, flags: RunFlags): Promise<void> => {
  demandEngine(flags.target)
  await demandOther("--outputs", flags.outputs, [flags.inputs, flags.weights, flags.adapters])
  const { model, options } = await selectModel(spec, flags)
  const { data } = model
  const { inputs, diagnostics } = decodeInputs(flags.inputs, data, await loadAll(flags.inputs), {
    training: flags.trainMode ?? false,
    flags: [...new Set([...(flags.flag ?? []), ...(flags.multimask ? ["multimask"] : [])])],
  })
  if (inputs === undefined) throw new Failed(diagnostics as unknown as Diagnostics)
  talkDiagnostics(diagnostics)
  const outputs = Object.keys(data.teaches)
  const missing = outputs.map((output) => targetName(data.teaches, output)).filter((name) => !(name in inputs.targets))
  if (flags.gradients && missing.length > 0)
    throw failed(
      flags.inputs,
      "HS5201",
      `there is no '${missing[0]}', and gradients need one`,
      `Save what '${outputs[0]}' is compared with under the name '${missing[0]}': a mask [B, 1, height, width] in 0…1, numbers of classes [B, 1, height, width], or a point [B, 2].`,
    )
  if (flags.gradients && outputs.length === 0)
    throw failed(spec, "HS5311", `${data.name} teaches nothing: there is no loss`, "Say teaches: { … } in model(…).")

  const frozen = frozenOf(data, flags.frozen)
  const { tensors, notes } = await modelWeights(data, flags.weights, flags.seed, leftOnDisk(frozen?.names))
  for (const note of notes) talk(`note: ${note}`)
  const weights = flags.adapters === undefined ? tensors : await withAdapters(data, tensors, flags.adapters)

  const learning = learningNames(data)
  const trainMode = flags.trainMode ?? false
  const loss = flags.diceOver === undefined ? options.loss : withDiceOver(options.loss, flags.diceOver)
  const made = flags.gradients ? gradientProgram(data, inputs.sizes, { learning, loss, trainMode }) : undefined
  const compiled =
    made ??
    compile({
      model: data,
      sizes: inputs.sizes,
      goal: { kind: "inference", ...(trainMode ? { trainMode: learning } : {}) },
    })
  const { program } = compiled
  const { target, precision } = flags
  const backend = await engineFor(target, {
    ...(precision === undefined ? {} : { precision }),
    frozen,
  })
  const executable = await backend.compile(program)
  try {
    await executable.load(weights, { give: true })
    const drawn = dropoutFeeds(compiled.dropouts, Number(flags.seed), 0)
    const feeds: Tensors = { ...inputs.feeds, ...(made === undefined ? {} : inputs.targets), ...drawn }
    const results = await executable.run(feeds)
    await save(flags.outputs, results)
    for (const [name, { shape }] of Object.entries(results))
      if (!name.startsWith("grad/")) talk(`${name} [${shape.join(", ")}]`)
    if (made !== undefined) {
      const size = made.receiving.reduce((n, name) => n + sizeOf(results[`grad/${name}`]!.shape), 0)
      talk(`gradients of ${counted(made.receiving.length, "tensor")}, ${counted(size, "parameter")}`)
      if (made.unreached.length > 0)
        talk(
          `note: ${counted(made.unreached.length, "tensor learns", "tensors learn")}, but the loss does not depend on them with these prompts`,
        )
    }
  } finally {
    await executable.dispose()
  }
}
