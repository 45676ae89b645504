/** A run from its beginning, or from where it stands: the spec compiled, the data checked and split, the folder held, and then the loop. */
import { join, resolve } from "node:path"
import { frozenOf as storageOf } from "../../compiler/analysis/frozen.ts"
import { tensorTable } from "../../compiler/analysis/parameters.ts"
import { version } from "../../compiler/compile.ts"
import { failed, warned } from "../../compiler/diagnostic.ts"
import { counted, exact } from "../../compiler/report/units.ts"
import type { Pair } from "../../dsl/layer.ts"
import type { ModelData } from "../../dsl/model.ts"
import { isWithin, rangeText, trainingRanges } from "../../dsl/ranges.ts"
import type { Precision, Sampling, Storage, TrainingOptions } from "../../dsl/training.ts"
import { demandApart, demandForeground } from "../apart.ts"
import { modelWeights } from "../base.ts"
import { reader } from "../data/reader.ts"
import { fractionOfTraining } from "../data/split.ts"
import { saveSplit } from "../data/splitFile.ts"
import { type DataFlags, dataOptionsOf, recordedData } from "../dataFlags.ts"
import { demandStorage, engineNamed, isPrecise, preciseEngines } from "../engines.ts"
import type { Tell, Told } from "../events.ts"
import { frozenOf } from "../run/adapters.ts"
import { type Selected, selectModel } from "../select.ts"
import { classesTaught, measureOf, pixelsOf, taughtOf, teachesCentres } from "../task/index.ts"
import { askable, demandUsable } from "../trainingData.ts"
import { goneSince, openWithSplit, overridden, type PromptName, pointsOf } from "../trainingOptions.ts"
import { hashOf } from "../weights/learned.ts"
import { leftOnDisk } from "../weights/onDisk.ts"
import { exists, files, identityOf, type RunFile, readLog, readRun, standingOf, writeRun } from "./checkpoint.ts"
import type { Trainer } from "./elsewhere.ts"
import { modelHash } from "./identity.ts"
import { type RunLock, withRunFolder } from "./lock.ts"
import { type TrainingEvent, train } from "./train.ts"

/** What is trained on, and what is to be otherwise than the spec says. */
export interface TrainSettings extends DataFlags {
  /** A folder of images and masks, or a table of them. */
  readonly data: string
  /** The run's folder. */
  readonly out: string
  /** Checkpoint of the base: .safetensors or .pth. Left out: everything starts from initial values. */
  readonly weights?: string
  /** What computes. Default: cpu. */
  readonly target?: string
  /** Processes of a training in another program. */
  readonly torchrun?: number
  readonly precision?: Precision
  /** Attention of many tokens: all of its scores, or none of them, by cuDNN's fused kernel (cuda, bf16). Default: whole. */
  readonly attention?: "whole" | "fused"
  /** How frozen weights of linear layers and convolutions are kept; of the CPU engine. */
  readonly frozen?: Storage
  /** Go on where the run in `out` stands. */
  readonly resume?: boolean
  /** Passes over the training images. */
  readonly epochs?: number
  /** Images at once. */
  readonly batch?: number
  /** Batches to a step. */
  readonly accumulate?: number
  /** Learning rate. */
  readonly rate?: number
  /** Gradients together are made no longer than this. */
  readonly clip?: number
  /** Epochs without a better validation after which training ends. */
  readonly patience?: number
  readonly jitter?: number
  /** Which cases an epoch shows. */
  readonly sampling?: Sampling["kind"]
  readonly seed?: number
  /** A saved split. Left out: 7 : 1.5 : 1.5 by seed, by subject where known. */
  readonly split?: string
  /** Share of the training images, 0…1. */
  readonly fraction?: number
  readonly prompt?: PromptName
  /** Points by image, for the prompts `file` and `localizer`. */
  readonly points?: string
  /** [height, width] of what the model sees. */
  readonly inputSize?: Pair
  /** Steps between checkpoints within an epoch. */
  readonly checkpointEvery?: number
  /** Epochs between validations. */
  readonly validateEvery?: number
  /** Bytes for tensors of a step: blocks are computed twice until it fits. */
  readonly memory?: number
}

export type RunEvent =
  | TrainingEvent
  | Told
  /** Everything is checked and loaded. */
  | { readonly kind: "begun"; readonly epochs: number; readonly measure: "Dice" | "hits" }

export interface Trained {
  /** False: it was stopped, and goes on with `resume`. */
  readonly finished: boolean
  /** The run's folder. */
  readonly folder: string
  /** Steps done in all. */
  readonly steps: number
  /** Epochs done, where training ended before the last since validation had not become better. */
  readonly endedAfter?: number
  /** What was best in validation, and the epoch of it, from 1 on. Left out where nothing was validated. */
  readonly best?: { readonly epoch: number; readonly measure: "Dice" | "hits"; readonly validation: number }
  /** Of a training elsewhere: what is reported stands in its own output. */
  readonly elsewhere?: true
}

export interface TrainHooks {
  readonly on?: (event: RunEvent) => void
  /** Aborted: the step is finished, a checkpoint written, and the run ends. */
  readonly signal?: AbortSignal
  /** Trains in another program, where the target does not run in this process. */
  readonly trainer?: Trainer | undefined
  /** The spec's model, where it is compiled already. */
  readonly selected?: Selected
}

const rateOf = ({ options }: RunFile): unknown => (options["optimizer"] as { readonly rate?: unknown }).rate
/** What may become another on the way: the rate, so that a run goes on that diverged, and how long it goes on. */
const lasting = ["rate", "epochs", "patience"] as const
type Lasting = (typeof lasting)[number]
const optionOf = (run: RunFile, option: Lasting): unknown => (option === "rate" ? rateOf(run) : run.options[option])

interface Change {
  readonly option: Lasting
  readonly from: unknown
  readonly to: number
}
/** Where an option says so, and what was recorded is another. */
const changesOf = (before: RunFile, flags: TrainSettings): readonly Change[] =>
  lasting.flatMap((option) => {
    const [from, to] = [optionOf(before, option), flags[option]]
    return to === undefined || to === from ? [] : [{ option, from, to }]
  })
/** What became another on the way stays so, where a later resume says nothing of it. */
const changedBefore = (run: RunFile | undefined): Pick<TrainSettings, Lasting> =>
  Object.fromEntries((run?.history ?? []).map(({ option, to }) => [option, to]))
/** What it was stays in the history. */
const changed = (run: RunFile, changes: readonly Change[], step: number): RunFile =>
  changes.reduce<RunFile>((now, { option, from, to }) => {
    const { options, history = [] } = now
    const next = option === "rate" ? { optimizer: { ...(options["optimizer"] as object), rate: to } } : { [option]: to }
    return { ...now, options: { ...options, ...next }, history: [...history, { step, option, from: from ?? null, to }] }
  }, run)
const told = ({ option, from, to }: Change, { rateSchedule: { kind } }: TrainingOptions): string => {
  if (option === "rate") return `note: from here on with a learning rate of ${to}; it was ${from}`
  if (option === "patience") return `note: from here on with a patience of ${counted(Number(to), "epoch")}`
  const stretched = kind === "cosine" || kind === "polynomial" ? ", over which the rate's schedule is stretched" : ""
  return `note: from here on to ${counted(Number(to), "epoch")}${stretched}; there were to be ${from}`
}

/** A run that is done takes no other rate: its record says what was done. */
const demandUnfinished = (given: string, epochs: number, { epoch, step }: { epoch: number; step: number }): void => {
  if (epoch >= epochs)
    throw failed(
      "--rate",
      "HS5002",
      `--rate does nothing: the run in '${given}' is finished, after ${counted(epochs, "epoch")} and ${counted(step, "step")}`,
      "Leave --rate out, or start another run with it, in another --out.",
    )
}

/** Without a checkpoint a frozen part never learned anything: it is a random function of the image. */
const tellStart = (spec: string, model: ModelData, tell: Tell): void => {
  const table = tensorTable(model).filter(({ kind }) => kind === "parameter")
  const count = (tensors: readonly { readonly size: number }[]) => tensors.reduce((n, { size }) => n + size, 0)
  const frozen = count(table.filter(({ learns }) => !learns))
  if (frozen === 0) tell({ kind: "note", line: "note: no weights are given: everything starts from initial values" })
  else
    tell({
      kind: "warnings",
      diagnostics: [
        warned(
          spec,
          "HS5312",
          `${exact(frozen)} of ${exact(count(table))} parameters are frozen at random initial values: no --weights was given`,
          "Give the checkpoint of the base with --weights, or freeze nothing that has not learned.",
        ),
      ],
    })
}

/** Said before the data are read, which may lack all that the run's split names. */
const demandSameData = (folder: string, before: RunFile, data: string): void => {
  if (before.data === data) return
  throw failed(
    "--data",
    "HS5302",
    `the run in '${folder}' was trained on '${before.data}', not on '${data}'`,
    `Go on with --data ${before.data}. To learn from other data, start another run in another --out; --weights with what hasam weights export ${folder} writes lets it begin from what this one learned.`,
  )
}

const demandSame = (folder: string, before: RunFile, now: RunFile): void => {
  const keys = ["hash", "base", "options"] as const
  // Of options the names tell, not their order.
  const other = keys.filter((key) =>
    key === "options"
      ? differing(before.options, now.options).length > 0
      : JSON.stringify(before[key]) !== JSON.stringify(now[key]),
  )
  if (other.length === 0) return
  const words = { hash: "model", base: "base weights", options: "training options" }
  const said = (value: unknown) => (value === undefined || value === null ? "nothing" : JSON.stringify(value))
  // A value that fills a line says no more than its name.
  const beside = (key: string) => {
    const [from, to] = [said(before.options[key]), said(now.options[key])]
    return from.length + to.length > 60 ? key : `${key}: ${from} then, ${to} now`
  }
  const details = other.map((key) =>
    key === "options" ? `${words[key]} (${differing(before.options, now.options).map(beside).join(", ")})` : words[key],
  )
  throw failed(
    folder,
    "HS5302",
    `the run folder belongs to a run with other ${details.join(", ")}`,
    "Give another --out, or the spec and options that the run was started with.",
  )
}
const differing = (a: Readonly<Record<string, unknown>>, b: Readonly<Record<string, unknown>>): readonly string[] =>
  [...new Set([...Object.keys(a), ...Object.keys(b)])].filter(
    (key) => JSON.stringify(a[key]) !== JSON.stringify(b[key]),
  )

/** Numbers that code gives; those of a command line were looked at with its options. Throws HS5002. */
const demandSensible = (settings: TrainSettings): void => {
  for (const [name, range] of Object.entries(trainingRanges)) {
    const value = (settings as unknown as Readonly<Record<string, unknown>>)[name]
    if (value !== undefined && (typeof value !== "number" || !isWithin(range, value)))
      throw failed(name, "HS5002", `${name} is ${rangeText(range)}, not ${String(value)}`, `Give ${rangeText(range)}.`)
  }
}

/** Where a run stands: what trains in a package has its checkpoint there. */
const lastOf = (folder: string, elsewhere: boolean): string =>
  elsewhere ? join(folder, "pytorch", files.last) : join(folder, files.last)

const demandUnbegun = async (folder: string, given: string): Promise<void> => {
  if ((await exists(join(folder, files.last))) || (await exists(lastOf(folder, true))))
    throw failed(
      given,
      "HS5303",
      `'${given}' holds a run already`,
      "Add --resume to go on with it, or give another --out.",
    )
}

/** A run that was killed before its first checkpoint starts anew; what another one learned is not overwritten. */
const demandNothingLost = async (folder: string, given: string, run: RunFile): Promise<void> => {
  if (!(await exists(join(folder, files.best)))) return
  const before = await readRun(folder).catch(() => undefined)
  if (JSON.stringify(before) !== JSON.stringify(JSON.parse(JSON.stringify(run))))
    throw failed(
      given,
      "HS5303",
      `'${given}' holds what another run learned ('${files.best}'), without its checkpoint`,
      "Give another --out.",
    )
}

const startIn = async (
  folder: string,
  lock: RunLock,
  spec: string,
  flags: TrainSettings,
  { on = () => undefined, signal = new AbortController().signal, trainer, selected: compiled }: TrainHooks,
): Promise<Trained> => {
  const target = flags.target ?? "cpu"
  const note = (line: string): void => on({ kind: "note", line })
  if (!flags.resume) await demandUnbegun(folder, flags.out)
  const selected = compiled ?? (await selectModel(spec, flags))
  const { data: model, name } = selected.model
  const before = flags.resume ? await readRun(folder) : undefined
  if (before !== undefined) demandSameData(flags.out, before, resolve(flags.data))
  const options = overridden(selected.options, { ...changedBefore(before), ...flags }, model)
  demandStorage(target, options.frozen)
  demandForeground(model, flags.class)
  const frozen = storageOf(model, options.frozen)
  const dataOptions = dataOptionsOf(flags)
  const points = await pointsOf(flags.points, options.prompt)
  const savedSplit = join(folder, files.split)
  const opened = await openWithSplit(
    flags.data,
    dataOptions,
    options.seed,
    flags.resume ? savedSplit : flags.split,
    flags.resume ? goneSince(flags.data) : undefined,
  )
  await demandApart(folder, flags.data, opened.cases)
  const share = flags.fraction
  const split =
    share === undefined || flags.resume ? opened.split : fractionOfTraining(opened.split, opened.cases, share)
  const measure = measureOf(taughtOf(model)[1])
  const samples = reader({
    ...dataOptions,
    pixels: pixelsOf(model),
    centres: teachesCentres(model),
    labels: classesTaught(model),
    seed: options.seed,
    prompt: options.prompt,
    augmentation: options.augmentation,
    sampling: options.sampling,
    trainingJitter: options.jitter,
    // The next batch is read while the engine's thread computes this one.
    ahead: Math.max(2, options.batch),
    ...(points === undefined ? {} : { points }),
  })
  const inTrain = new Set(split.train)
  if (!flags.resume)
    await demandUsable(flags.data, { ...dataOptions, labels: classesTaught(model) }, opened.split, flags.split, on)
  const inTraining = opened.cases.filter(({ id }) => inTrain.has(id))
  const training = await askable(samples, inTraining, model, options.prompt, "training", on)
  const validation = await askable(samples, opened.of("validation"), model, options.prompt, "validation", on)
  note(
    `${counted(training.length, "image trains", "images train")}, ${counted(validation.length, "validates", "validate")}, ${counted(split.test.length, "is", "are")} kept for testing (split by ${split.by})`,
  )

  const { tensors, notes } = await modelWeights(model, flags.weights, options.seed, leftOnDisk(frozen?.names))
  for (const line of notes) note(`note: ${line}`)
  if (flags.weights === undefined && !flags.resume) tellStart(selected.spec, model, on)
  const run: RunFile = {
    version,
    name,
    model: model.name,
    hash: modelHash(model),
    base: hashOf(frozenOf(tensorTable(model), tensors)),
    // The run is evaluated from any folder.
    spec: resolve(selected.spec),
    weights: flags.weights === undefined ? null : resolve(flags.weights),
    data: resolve(flags.data),
    layout: opened.layout,
    target,
    options: {
      ...options,
      class: flags.class ?? null,
      ...recordedData(flags),
      inputSize: flags.inputSize ?? null,
      points: flags.points === undefined ? null : resolve(flags.points),
      fraction: share ?? null,
      ...(flags.attention === "fused" ? { attention: "fused" } : {}),
    },
  }
  /** Writes what changed, once something was done by it. */
  let record: (() => Promise<void>) | undefined
  if (before !== undefined) {
    const standing = await standingOf(lastOf(folder, trainer !== undefined))
    const changes = changesOf(before, flags)
    const asNow = changed(before, changes, standing.step)
    demandSame(flags.out, asNow, JSON.parse(JSON.stringify(run)))
    if (changes.length > 0) {
      if (changes.some(({ option }) => option === "rate")) demandUnfinished(flags.out, options.epochs, standing)
      for (const change of changes) note(told(change, options))
      record = () => writeRun(folder, asNow)
    }
    if (before.target !== target)
      note(`note: the run was begun with --target ${before.target}; other targets round otherwise`)
  } else {
    await demandNothingLost(folder, flags.out, run)
    await writeRun(folder, run)
    await saveSplit(savedSplit, split, { root: flags.data, cases: opened.cases })
  }

  if (options.precision !== undefined && options.precision !== "float32" && trainer === undefined && !isPrecise(target))
    note(
      `note: the spec's precision ${options.precision} is for ${preciseEngines.join(", ")}; ${target} computes in float32`,
    )

  on({ kind: "begun", epochs: options.epochs, measure })
  const foundNothing = () => {
    const message = `validation ${measure} was 0 in every epoch: the model has found nothing`
    const help =
      "Look at a sheet of `hasam eval --figures`. Train longer or with another --rate; is the right --class taught, and are --weights those of the base?"
    on({ kind: "warnings", diagnostics: [warned(flags.out, "HS5313", message, help)] })
  }
  if (trainer !== undefined) {
    await record?.()
    const { finished } = await trainer({
      ...{ model, name, hash: run.hash, folder, data: resolve(flags.data), options, signal },
      weights: run.weights ?? undefined,
      points: flags.points === undefined ? undefined : resolve(flags.points),
      chosen: flags.class,
      checkpointEvery: flags.checkpointEvery,
      validateEvery: flags.validateEvery,
      resume: flags.resume ?? false,
      recompute: flags.memory !== undefined,
      processes: flags.torchrun,
    })
    const validated = (await readLog(folder, Number.POSITIVE_INFINITY)).flatMap(({ validation }) =>
      typeof validation === "number" ? [validation] : [],
    )
    if (finished && validated.length > 0 && validated.every((value) => value === 0)) foundNothing()
    return { finished, folder, steps: 0, elsewhere: true }
  }
  const backend = await engineNamed(target)({
    note,
    precision: options.precision,
    chunked: flags.memory !== undefined,
    fused: flags.attention === "fused",
    frozen,
  })
  const result = await train({
    name,
    version,
    model,
    options,
    weights: tensors,
    giveWeights: true,
    reader: samples,
    train: training,
    validation,
    folder,
    identity: identityOf(run),
    demandFolder: lock.demand,
    backend,
    frozen,
    resume: flags.resume ?? false,
    ...(flags.checkpointEvery === undefined ? {} : { checkpointEvery: flags.checkpointEvery }),
    ...(flags.validateEvery === undefined ? {} : { validateEvery: flags.validateEvery }),
    ...(flags.memory === undefined ? {} : { memory: flags.memory }),
    on,
    signal,
    ...(record === undefined ? {} : { begun: record }),
  })
  // A run that was stopped has its curves too.
  const { writeCurves } = await import("./curves.ts")
  await writeCurves(folder, name, measure)
  const { step, epoch, bestEpoch, bestDice } = result.progress
  if (result.finished && bestEpoch >= 0 && bestDice === 0) foundNothing()
  return {
    finished: result.finished,
    folder,
    steps: step,
    ...(result.finished && epoch < options.epochs ? { endedAfter: epoch } : {}),
    ...(bestEpoch < 0 ? {} : { best: { epoch: bestEpoch + 1, measure, validation: bestDice } }),
  }
}

/**
 * Trains what is not frozen in the spec's model, or goes on with a run. Rejects with `Failed`: the spec's errors, those of the data (HS41…, HS42…, HS43…),
 * of the weights (HS30…), of the folder (HS53…) and of the engine.
 */
export const startRun = async (spec: string, settings: TrainSettings, hooks: TrainHooks = {}): Promise<Trained> => {
  const folder = resolve(settings.out)
  if (hooks.trainer === undefined) engineNamed(settings.target ?? "cpu")
  demandSensible(settings)
  if (settings.resume && !(await exists(lastOf(folder, hooks.trainer !== undefined))))
    throw failed(
      settings.out,
      "HS5304",
      `'${settings.out}' holds no checkpoint of a run`,
      "Leave --resume out to start the run.",
    )
  return withRunFolder(folder, (lock) => startIn(folder, lock, spec, settings, hooks))
}
