import { join } from "node:path"
import { tensorTable } from "../../compiler/analysis/parameters.ts"
import type { Tensors } from "../../compiler/ir/graph.ts"
import { counted } from "../../compiler/report/units.ts"
import type { Pair } from "../../dsl/layer.ts"
import type { ModelData } from "../../dsl/model.ts"
import { demandOther } from "../../runtime/apart.ts"
import { modelWeights } from "../../runtime/base.ts"
import { withAdapters } from "../../runtime/run/adapters.ts"
import { inputSizeOf, selectModel, specOfRun } from "../../runtime/select.ts"
import { files, type RunFile, readRun } from "../../runtime/training/checkpoint.ts"
import { beginWith } from "../../runtime/weights/beginWith.ts"
import { type ConversionOptions, convert, type Naming } from "../../runtime/weights/convert.ts"
import { inspect } from "../../runtime/weights/inspect.ts"
import { licensed } from "../../runtime/weights/licence.ts"
import { verify } from "../../runtime/weights/load.ts"
import { merged } from "../../runtime/weights/merge.ts"
import { readNames } from "../../runtime/weights/names.ts"
import { renderConversion, renderInspection, renderVerification } from "../../runtime/weights/render.ts"
import { save } from "../../runtime/weights/save.ts"
import { exitCodeOf, say, talk, talkDiagnostics } from "../output.ts"

/** hasam weights inspect FILE */
export const inspectCommand = async (file: string, { json = false }: { readonly json?: boolean }): Promise<void> => {
  const inspection = await inspect(file)
  say(json ? JSON.stringify(inspection, null, 2) : renderInspection(inspection))
}

/** hasam weights verify FILE --spec SPEC */
export const verifyCommand = async (
  file: string,
  flags: { readonly spec: string; readonly inputSize?: Pair },
): Promise<void> => {
  const { model } = await selectModel(flags.spec, flags)
  const table = tensorTable(model.data)
  const expected = table.filter(({ persistent, name }) => persistent && !name.endsWith(".num_batches_tracked"))
  const initialised = new Set(table.filter(({ adaptation }) => adaptation !== undefined).map(({ name }) => name))
  const verification = await verify(expected, file, { initialised })
  say(renderVerification(verification))
  talkDiagnostics(verification.problems)
  process.exitCode = exitCodeOf(verification.problems)
}

/** hasam weights convert FILE OUT */
export const convertCommand = async (
  file: string,
  out: string,
  { names, ...options }: { readonly names: Naming } & ConversionOptions,
): Promise<void> => {
  await demandOther("OUT", out, [file])
  say(renderConversion(await convert(file, out, names, options)))
}

/** hasam weights init SPEC OUT: initial values; with --from FILE those that another model's checkpoint has. */
export const initCommand = async (
  spec: string,
  out: string,
  { seed, from, names, ...flags }: InitFlags,
): Promise<void> => {
  const { model } = await selectModel(spec, flags)
  if (from !== undefined) {
    await demandOther("OUT", out, names === undefined ? [from] : [from, names])
    await initFrom(model.data, { out, seed, from, ...(names === undefined ? {} : { names }) })
    return
  }
  const { tensors } = await modelWeights(model.data, undefined, seed)
  await saveWhole(model.data, out, tensors)
}

interface InitFlags {
  readonly seed: number
  readonly from?: string
  readonly names?: string
  readonly inputSize?: Pair
}

/** Without a map the file has the model's own names, and fills all but adapters. */
const initFrom = async (
  model: ModelData,
  { out, seed, from, names }: { readonly out: string; readonly from: string } & Omit<InitFlags, "from" | "inputSize">,
): Promise<void> => {
  if (names === undefined) {
    const { tensors, notes, licence } = await modelWeights(model, from, seed)
    for (const line of notes) talk(`note: ${line}`)
    await saveWhole(model, out, tensors, licence)
    return
  }
  const { tensors, taken, initial, leftOut, notes, licence } = await beginWith(
    model,
    from,
    await readNames(names),
    seed,
  )
  for (const line of notes) talk(`note: ${line}`)
  await save(out, tensors, licensed(licence))
  const rest = leftOut > 0 ? `; ${counted(leftOut, "tensor")} of it left out` : ""
  say(`wrote ${counted(taken + initial, "tensor")} to ${out}: ${taken} from ${from}, ${initial} initial values${rest}`)
}
const saveWhole = async (model: ModelData, out: string, tensors: Tensors, licence?: string): Promise<void> => {
  const persistent = tensorTable(model).filter((tensor) => tensor.persistent)
  await save(out, Object.fromEntries(persistent.map(({ name }) => [name, tensors[name]!])), licensed(licence))
  say(`wrote ${counted(persistent.length, "tensor")} to ${out}`)
}

/** hasam weights export RUN OUT: base and what was learned, in one checkpoint; with --merge under the base's names alone. */
export const exportCommand = async (
  run: string,
  out: string,
  flags: { readonly merge?: boolean; readonly licence?: string },
): Promise<void> => {
  const about = await readRun(run)
  await demandOther("OUT", out, [about.weights ?? undefined, join(run, files.best), join(run, files.last)])
  const { model } = await selectModel(specOfRun(about), sizeOfRun(about))
  const seed = Number(about.options["seed"])
  const { tensors, licence: found } = await modelWeights(model.data, about.weights ?? undefined, seed)
  const whole = await withAdapters(model.data, tensors, join(run, files.best))
  const persistent = tensorTable(model.data).filter((tensor) => tensor.persistent)
  const made = flags.merge === true ? merged(model.data, whole) : whole
  const kept = persistent.filter(({ name }) => Object.hasOwn(made, name))
  await save(out, Object.fromEntries(kept.map(({ name }) => [name, made[name]!])), licensed(flags.licence ?? found))
  const put = persistent.length - kept.length
  say(`wrote ${counted(kept.length, "tensor")} to ${out}${put > 0 ? `; ${put} of adapters are in them` : ""}`)
}
const sizeOfRun = ({ options }: RunFile): { readonly inputSize?: Pair } => {
  const inputSize = inputSizeOf(options["inputSize"])
  return inputSize === undefined ? {} : { inputSize }
}
