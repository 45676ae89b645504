import { join, resolve } from "node:path"
import cliProgress from "cli-progress"
import { tensorTable } from "../../compiler/analysis/parameters.ts"
import { version } from "../../compiler/compile.ts"
import { failed } from "../../compiler/diagnostic.ts"
import type { Pair } from "../../dsl/layer.ts"
import type { Precision } from "../../dsl/training.ts"
import { modelWeights } from "../../runtime/base.ts"
import { reader } from "../../runtime/data/reader.ts"
import { fractionOfTraining } from "../../runtime/data/split.ts"
import { saveSplit } from "../../runtime/data/splitFile.ts"
import { frozenOf } from "../../runtime/run/adapters.ts"
import { classesTaught, measureOf, pixelsOf, taughtOf, teachesCentres } from "../../runtime/task/index.ts"
import { exists, files, identityOf, type RunFile, readRun, writeRun } from "../../runtime/training/checkpoint.ts"
import { modelHash } from "../../runtime/training/identity.ts"
import { type RunLock, withRunFolder } from "../../runtime/training/lock.ts"
import { type TrainingEvent, train } from "../../runtime/training/train.ts"
import { hashOf } from "../../runtime/weights/learned.ts"
import { colors, exit, talk } from "../output.ts"
import { selectModel } from "../select.ts"
import { demandTrainer, engineFor, preciseNames, targetNamed } from "../targets/index.ts"
import { askable, demandUsable } from "../trainingData.ts"
import {
  type DataFlags,
  dataOptionsOf,
  openWithSplit,
  overridden,
  type PromptName,
  pointsOf,
  recordedData,
} from "../trainingOptions.ts"

interface TrainFlags extends DataFlags {
  readonly data: string
  readonly out: string
  readonly weights?: string
  readonly target: string
  readonly torchrun?: number
  readonly precision?: Precision
  readonly resume?: boolean
  readonly epochs?: number
  readonly batch?: number
  readonly accumulate?: number
  readonly rate?: number
  readonly seed?: number
  readonly split?: string
  readonly fraction?: number
  readonly prompt?: PromptName
  readonly points?: string
  readonly inputSize?: Pair
  readonly checkpointEvery?: number
  readonly validateEvery?: number
  readonly memory?: number
}

/** A bar an epoch, with the time left, and a line when it ends. On a pipe, the lines only. */
const shower = (epochs: number, measure: "Dice" | "hits") => {
  const bar = new cliProgress.SingleBar({
    stream: process.stderr,
    format: `epoch {epoch} {bar} {value}/{total}  loss {loss}  {eta_formatted} left`,
    hideCursor: true,
    clearOnComplete: true,
  })
  let shown = -1
  const on = (event: TrainingEvent): void => {
    if (event.kind === "compiled") {
      talk(`${event.receiving} tensors learn`)
      if (event.recomputed > 0) talk(`${event.recomputed} blocks are computed twice, to keep to --memory`)
      if (event.unreached.length > 0)
        talk(`note: ${event.unreached.length} tensors are not frozen, but the loss does not reach them`)
    }
    if (event.kind === "step" && process.stderr.isTTY) {
      const payload = { epoch: `${event.epoch + 1}/${epochs}`, loss: event.loss.toFixed(4) }
      if (shown !== event.epoch) bar.start(event.total, event.done, payload)
      else bar.update(event.done, payload)
      shown = event.epoch
    }
    if (event.kind === "epoch") {
      if (shown === event.epoch) bar.stop()
      const dice =
        event.dice === undefined
          ? ""
          : `  validation ${measure} ${event.dice.toFixed(4)}${event.best ? colors.green("  best") : ""}`
      talk(`epoch ${event.epoch + 1}/${epochs}  loss ${event.loss.toFixed(4)}${dice}`)
    }
  }
  return { on, stop: () => bar.stop() }
}

/** The rate may be another one where --rate says so: that is how a run goes on that diverged. */
const withRate = ({ options, ...rest }: RunFile, rate: number): RunFile => ({
  ...rest,
  options: { ...options, optimizer: { ...(options["optimizer"] as object), rate } },
})

const demandSame = (folder: string, before: RunFile, now: RunFile): void => {
  const keys = ["hash", "base", "data", "options"] as const
  const other = keys.filter((key) => JSON.stringify(before[key]) !== JSON.stringify(now[key]))
  if (other.length === 0) return
  const words = { hash: "model", base: "base weights", data: "data", options: "training options" }
  const details = other.map((key) =>
    key === "options" ? `${words[key]} (${differing(before.options, now.options).join(", ")})` : words[key],
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

/** Where a run stands: what trains in a package has its checkpoint there. */
const lastOf = (folder: string, target: string): string =>
  targetNamed(target).trainer === undefined ? join(folder, files.last) : join(folder, "pytorch", files.last)

/** hasam train SPEC --data DIR --out RUN */
export const trainCommand = async (spec: string, flags: TrainFlags): Promise<void> => {
  demandTrainer(flags.target)
  const folder = resolve(flags.out)
  if (flags.resume && !(await exists(lastOf(folder, flags.target))))
    throw failed(
      flags.out,
      "HS5304",
      `'${flags.out}' holds no checkpoint of a run`,
      "Leave --resume out to start the run.",
    )
  await withRunFolder(folder, (lock) => trainIn(folder, lock, spec, flags))
}

const demandUnbegun = async (folder: string, given: string): Promise<void> => {
  if ((await exists(join(folder, files.last))) || (await exists(lastOf(folder, "pytorch"))))
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

const trainIn = async (folder: string, lock: RunLock, spec: string, flags: TrainFlags): Promise<void> => {
  if (!flags.resume) await demandUnbegun(folder, flags.out)
  const selected = await selectModel(spec, flags)
  const { data: model, name } = selected.model
  const options = overridden(selected.options, flags, model)
  const dataOptions = dataOptionsOf(flags)
  const points = await pointsOf(flags.points, options.prompt)
  const savedSplit = join(folder, files.split)
  const opened = await openWithSplit(flags.data, dataOptions, options.seed, flags.resume ? savedSplit : flags.split)
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
    ...(points === undefined ? {} : { points }),
  })
  const inTrain = new Set(split.train)
  if (!flags.resume)
    await demandUsable(flags.data, { ...dataOptions, labels: classesTaught(model) }, opened.split, flags.split)
  const inTraining = opened.cases.filter(({ id }) => inTrain.has(id))
  const training = await askable(samples, inTraining, model, options.prompt, "training")
  const validation = await askable(samples, opened.of("validation"), model, options.prompt, "validation")
  talk(
    `${training.length} images train, ${validation.length} validate, ${split.test.length} are kept for testing (split by ${split.by})`,
  )

  const { tensors, notes } = await modelWeights(model, flags.weights, options.seed)
  for (const note of notes) talk(`note: ${note}`)
  if (flags.weights === undefined) talk("note: no --weights: everything starts from initial values")
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
    target: flags.target,
    options: {
      ...options,
      class: flags.class ?? null,
      ...recordedData(flags),
      inputSize: flags.inputSize ?? null,
      points: flags.points === undefined ? null : resolve(flags.points),
      fraction: share ?? null,
    },
  }
  if (flags.resume) {
    const before = await readRun(folder)
    const asNow = flags.rate === undefined ? before : withRate(before, options.optimizer.rate)
    demandSame(flags.out, asNow, JSON.parse(JSON.stringify(run)))
    if (JSON.stringify(asNow) !== JSON.stringify(before)) {
      talk(`note: from here on with a learning rate of ${options.optimizer.rate}`)
      await writeRun(folder, asNow)
    }
    if (before.target !== flags.target)
      talk(`note: the run was begun with --target ${before.target}; other targets round otherwise`)
  } else {
    await demandNothingLost(folder, flags.out, run)
    await writeRun(folder, run)
    await saveSplit(savedSplit, split, { root: flags.data, cases: opened.cases })
  }

  const { precisions: known, trainer: elsewhere } = targetNamed(flags.target)
  if (options.precision !== undefined && options.precision !== "float32" && !known && !elsewhere)
    talk(`note: the spec's precision ${options.precision} is for ${preciseNames}; ${flags.target} computes in float32`)

  const stop = new AbortController()
  let asked = 0
  const interrupt = () => {
    asked += 1
    if (asked > 1) process.exit(exit.interrupted)
    talk("\nstopping after this step; once more to stop at once")
    stop.abort()
  }
  const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const
  for (const signal of signals) process.on(signal, interrupt)
  const { on, stop: stopBar } = shower(options.epochs, measure)
  try {
    const trainer = await targetNamed(flags.target).trainer?.()
    if (trainer !== undefined) {
      const { finished } = await trainer({
        ...{ model, name, hash: run.hash, folder, data: resolve(flags.data), options, signal: stop.signal },
        weights: run.weights ?? undefined,
        points: flags.points === undefined ? undefined : resolve(flags.points),
        chosen: flags.class,
        checkpointEvery: flags.checkpointEvery,
        validateEvery: flags.validateEvery,
        resume: flags.resume ?? false,
        recompute: flags.memory !== undefined,
        processes: flags.torchrun,
      })
      if (!finished) process.exitCode = exit.interrupted
      return
    }
    const backend = await engineFor(flags.target, { precision: options.precision, chunked: flags.memory !== undefined })
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
      resume: flags.resume ?? false,
      ...(flags.checkpointEvery === undefined ? {} : { checkpointEvery: flags.checkpointEvery }),
      ...(flags.validateEvery === undefined ? {} : { validateEvery: flags.validateEvery }),
      ...(flags.memory === undefined ? {} : { memory: flags.memory }),
      on,
      signal: stop.signal,
    })
    if (result.finished) {
      const { writeCurves } = await import("../../runtime/training/curves.ts")
      await writeCurves(folder, name, measure)
      const { bestDice, bestEpoch } = result.progress
      talk(
        `done: ${result.progress.step} steps${bestEpoch < 0 ? "" : `, best validation ${measure} ${bestDice.toFixed(4)} in epoch ${bestEpoch + 1}`}; ${join(flags.out, files.best)}`,
      )
    } else {
      talk(`stopped at step ${result.progress.step}; go on with --resume`)
      // What was to follow a whole training, as in `train && eval`, does not.
      process.exitCode = exit.interrupted
    }
  } finally {
    stopBar()
    for (const signal of signals) process.off(signal, interrupt)
  }
}
