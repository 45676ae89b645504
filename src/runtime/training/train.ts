/**
 * The training loop: batches through one compiled program whose state stays in the engine. A run is a function of its spec, data,
 * weights and seed; where it stands is on disk, so that it goes on bit for bit after any end.
 */

import { appendFile } from "node:fs/promises"
import { join } from "node:path"
import type { Backend, Executable } from "../../backends/backend.ts"
import { changingTensors, learningNames, tensorTable } from "../../compiler/analysis/parameters.ts"
import { keptOf } from "../../compiler/analysis/reach.ts"
import { failed } from "../../compiler/diagnostic.ts"
import type { Tensor, Tensors } from "../../compiler/ir/graph.ts"
import { sizeOf } from "../../compiler/ir/graph.ts"
import { standardSizes } from "../../compiler/passes/elaborate/index.ts"
import { clockAt } from "../../compiler/passes/optimizer.ts"
import { type LearningProgram, trainingProgram } from "../../compiler/passes/program.ts"
import type { Frozen } from "../../compiler/passes/store.ts"
import { counted } from "../../compiler/report/units.ts"
import type { ModelData } from "../../dsl/model.ts"
import { asks, type TrainingOptions } from "../../dsl/training.ts"
import type { Case } from "../data/case.ts"
import type { Reader, Sample } from "../data/reader.ts"
import { cannotWrite, writeAtomically } from "../files.ts"
import { frozenOf } from "../run/adapters.ts"
import { feedsOf, targetsOf, taughtOf } from "../task/index.ts"
import { scalarFeed } from "../task/stack.ts"
import { hashOf, saveLearned } from "../weights/learned.ts"
import { type Judged, tunerOf } from "./autoLr.ts"
import {
  atStart,
  exists,
  files,
  type Identity,
  type LogEntry,
  logText,
  type Progress,
  readLast,
  readLog,
  writeLast,
} from "./checkpoint.ts"
import { dropoutFeeds } from "./dropout.ts"
import { modelHash } from "./identity.ts"
import { keptOutputs } from "./kept.ts"
import { type Predictor, predictor } from "./predict.ts"
import { rateAt } from "./rate.ts"
import { type OnAnswer, score } from "./score.ts"

/** What happens during a run; commands make bars and lines of it. */
export type TrainingEvent =
  | {
      readonly kind: "compiled"
      readonly receiving: number
      readonly unreached: readonly string[]
      readonly recomputed: number
    }
  | {
      readonly kind: "step"
      readonly epoch: number
      readonly step: number
      readonly loss: number
      readonly done: number
      readonly total: number
    }
  | {
      readonly kind: "epoch"
      readonly epoch: number
      readonly loss: number
      readonly dice?: number
      readonly best: boolean
    }
  /** Rates are tuned: an epoch whose blocks did not move in order was undone, and is trained again. */
  | {
      readonly kind: "undone"
      readonly epoch: number
      /** Times that this epoch was undone so far. */
      readonly times: number
      readonly loss: number
      readonly order: number
      readonly asked: number
    }
  | { readonly kind: "saved"; readonly step: number }

export interface TrainInput {
  readonly name: string
  readonly version: string
  readonly model: ModelData
  readonly options: TrainingOptions
  /** Every tensor of the model (base.ts). */
  readonly weights: Tensors
  /** The engine may take the frozen tensors over, so that they are in memory once less; they are not to be used afterwards. */
  readonly giveWeights?: boolean
  readonly reader: Reader
  readonly train: readonly Case[]
  readonly validation: readonly Case[]
  readonly folder: string
  /** What the run's checkpoints say they belong to. */
  readonly identity: Identity
  /** Asked before anything is written: throws where the folder is no longer this process's. */
  readonly demandFolder?: () => Promise<void>
  readonly backend: Backend
  readonly resume: boolean
  /** Steps between checkpoints within an epoch; every epoch's end has one too. */
  readonly checkpointEvery?: number
  /** Bytes that tensors of a step may take; blocks are computed again until they fit. */
  readonly memory?: number
  /** Weights that the engine keeps in fewer bits. */
  readonly frozen?: Frozen | undefined
  /** What the model keeps of an image, it computes once where nothing before it learns. Default: true. */
  readonly keep?: boolean
  /** Epochs between validations. */
  readonly validateEvery?: number
  readonly on?: (event: TrainingEvent) => void
  /** Called once, after the first step that this call did: from then on the run is what its options say. */
  readonly begun?: () => Promise<void>
  /** Each validation's answers, as they are scored. */
  readonly onAnswer?: OnAnswer
  /** Aborted: the step is finished, a checkpoint written, and the run ends. */
  readonly signal?: AbortSignal
}
export interface TrainResult {
  readonly finished: boolean
  readonly progress: Progress
  readonly learned: Tensors
}

const finite = ({ data }: Tensor): boolean => data.every(Number.isFinite)

const stateStart = ({ program }: LearningProgram, weights: Tensors): Tensors =>
  Object.fromEntries(
    program.graph.nodes.flatMap((node) => {
      if ((node.op !== "input" && node.op !== "parameter") || !(node.attrs.name in program.state)) return []
      const { name } = node.attrs
      return [[name, weights[name] ?? { shape: node.shape, data: new Float32Array(sizeOf(node.shape)) }]]
    }),
  )

async function* batched(samples: AsyncIterable<Sample>, size: number): AsyncGenerator<readonly Sample[], void> {
  let batch: Sample[] = []
  for await (const sample of samples) {
    batch.push(sample)
    if (batch.length === size) {
      yield batch
      batch = []
    }
  }
  // An incomplete batch at the end is left out: the program has one size.
}

/** Trains, or goes on. Throws HS5301, HS5305 and what reading data, writing files and the engine throw. */
export const train = async (input: TrainInput): Promise<TrainResult> => {
  const { model, options, weights, backend, folder, on = () => undefined } = input
  const { checkpointEvery = 200, validateEvery = 1, signal, identity } = input
  const { demandFolder = async () => undefined } = input
  const learning = learningNames(model)
  const [, taught] = taughtOf(model)
  const sizes = standardSizes(model, options.batch, asks(options.prompt))
  const kept = input.keep === false ? [] : keptOf(model, sizes, learning)

  const learned = trainingProgram(model, sizes, {
    learning,
    loss: options.loss,
    optimizer: options.optimizer,
    accumulate: options.accumulate,
    clip: options.clip,
    rates: options.rates,
    autoLr: options.autoLr,
    kept,
    stored: input.frozen,
    ...(input.memory === undefined ? {} : { memory: input.memory }),
  })
  if (learned.receiving.length === 0)
    throw failed(
      input.name,
      "HS5305",
      "nothing would learn: the loss reaches no tensor that is not frozen",
      "Add an adaptation, or unfreeze a part on which the output depends.",
    )
  const perEpoch = Math.floor(input.train.length / options.batch)
  if (perEpoch === 0)
    throw failed(
      input.name,
      "HS5307",
      `${input.train.length === 1 ? "1 image for training does" : `${input.train.length} images for training do`} not make a batch of ${options.batch}`,
      "Give more images, or a smaller --batch.",
    )
  if (options.patience !== undefined && input.validation.length === 0)
    throw failed(
      input.name,
      "HS5307",
      "there are no images for validation, whose result decides when to stop",
      "Leave --patience out, or give a split with images for validation.",
    )
  on({
    kind: "compiled",
    receiving: learned.receiving.length,
    unreached: learned.unreached,
    recomputed: learned.recomputed.length,
  })

  const stateNames = Object.keys(learned.program.state)
  const start = input.resume
    ? await readLast(folder, identity)
    : { tensors: {} as Tensors, progress: atStart, epoch: {} as Tensors }
  if (start.progress.epoch > options.epochs)
    throw failed(
      folder,
      "HS5302",
      `the run has done ${counted(start.progress.epoch, "epoch")} already, more than ${options.epochs}`,
      "Give a larger --epochs to go on, or another --out to start again.",
    )
  const table = tensorTable(model)
  const frozen = frozenOf(table, weights)
  const base = hashOf(frozen)
  const changing = changingTensors(table).map(({ name }) => name)

  const executable: Executable = await backend.compile(learned.program)
  const others = Object.entries(weights).filter(([name]) => !(name in frozen))
  await executable.load({ ...Object.fromEntries(others), ...stateStart(learned, weights), ...start.tensors })
  // Programs beside it load what it does not hold; what an engine that shares nothing needs again is not given away before.
  const sharing = executable.missing !== undefined
  const load = () => executable.load(frozen, { give: input.giveWeights ?? false })
  if (sharing) await load()
  const cache = kept.length > 0 ? await keptOutputs(backend, model, weights, kept, executable) : undefined
  const checker: Predictor | undefined =
    input.validation.length === 0 ? undefined : await predictor(backend, model, weights, options.prompt, executable)
  if (!sharing) await load()

  const tuner = options.autoLr === undefined ? undefined : tunerOf(model, options.autoLr, learned.receiving)
  let progress: Progress =
    tuner === undefined ? start.progress : { ...start.progress, tuning: start.progress.tuning ?? tuner.start }
  /** What the epoch began with, where it may be undone. */
  let epochStart: Tensors = start.epoch
  let begun = false
  const log: LogEntry[] = [...(await readLog(folder, progress.epoch))]
  await writeAtomically(join(folder, files.log), logText(log))
  const note = async (entry: LogEntry): Promise<void> => {
    log.push(entry)
    await appendFile(join(folder, files.log), logText([entry])).catch((error) => {
      throw cannotWrite(join(folder, files.log), error)
    })
  }

  /** All that training changes; what the loss does not reach is as it was. */
  const learnedNow = async (): Promise<Tensors> => {
    const inState = changing.filter((name) => name in learned.program.state)
    const now = await executable.read(inState)
    return Object.fromEntries(changing.map((name) => [name, now[name] ?? weights[name]!]))
  }
  const checkpoint = async (): Promise<void> => {
    const state = await executable.read(stateNames)
    const broken = Object.entries(state).find(([, tensor]) => !finite(tensor))
    if (broken !== undefined) throw await diverged(folder, broken[0], progress.step)
    await demandFolder()
    // Between epochs it is what the state is.
    await writeLast(folder, state, progress, identity, progress.sample === 0 ? {} : epochStart)
    on({ kind: "saved", step: progress.step })
  }

  const runBatch = async (samples: readonly Sample[]): Promise<number> => {
    const { optimizer, accumulate } = options
    const rate = rateAt(options.rateSchedule, optimizer.rate, {
      ...{ epoch: progress.epoch, epochs: options.epochs },
      ...{ step: progress.step, steps: Math.floor((perEpoch * options.epochs) / accumulate) },
    })
    const tuned = tuner?.feeds(progress.tuning ?? tuner.start) ?? {}
    const clock = Object.entries({ ...clockAt(optimizer, rate, progress.step + 1), ...tuned }).map(
      ([name, value]) => [name, scalarFeed(value)] as const,
    )
    const applies = (progress.batch + 1) % accumulate === 0
    const fed = feedsOf(samples, model, options.prompt)
    const outputs = await executable.run({
      ...fed,
      ...(cache === undefined ? {} : await cache(samples, fed)),
      ...dropoutFeeds(learned.dropouts, options.seed, progress.batch),
      ...targetsOf(samples, model, learned.program),
      ...Object.fromEntries(clock),
      ...(accumulate === 1 ? {} : { apply: scalarFeed(applies ? 1 : 0) }),
    })
    const loss = outputs["loss"]!.data[0]!
    if (!Number.isFinite(loss)) throw await diverged(folder, "the loss", progress.step)
    progress = {
      ...progress,
      sample: progress.sample + samples.length,
      batch: progress.batch + 1,
      step: progress.step + (applies ? 1 : 0),
      lossSum: progress.lossSum + loss,
      lossCount: progress.lossCount + 1,
    }
    return loss
  }

  /** What tuning says of the epoch that ends; where it is not kept, the run stands where it stood before, but for the rates. */
  const tune = async (loss: number): Promise<Judged | undefined> => {
    if (tuner === undefined) return undefined
    const epoch = progress.epoch
    const judged = tuner.judge(
      epochStart,
      await executable.read(learned.receiving),
      epoch,
      progress.tuning ?? tuner.start,
    )
    progress = { ...progress, tuning: judged.next }
    if (judged.kept) return judged
    await executable.load(epochStart)
    const batch = progress.batch - perEpoch
    const step = Math.floor(batch / options.accumulate)
    progress = { ...progress, batch, step, sample: 0, lossSum: 0, lossCount: 0 }
    await checkpoint()
    on({ kind: "undone", epoch, times: judged.next.undone, loss, order: judged.order, asked: judged.asked })
    return judged
  }

  const endEpoch = async (): Promise<void> => {
    const loss = progress.lossSum / Math.max(1, progress.lossCount)
    const trials = (progress.tuning?.undone ?? 0) + 1
    const judged = await tune(loss)
    if (judged?.kept === false) return
    const due = (progress.epoch + 1) % validateEvery === 0 || progress.epoch + 1 === options.epochs
    let result: number | undefined
    if (checker !== undefined && due) {
      await checker.load(await learnedNow())
      result = await score(checker, input.reader.evaluation(input.validation), taught, input.onAnswer)
    }
    const best = result !== undefined && result > progress.bestDice
    const epoch = progress.epoch
    progress = {
      ...progress,
      epoch: epoch + 1,
      sample: 0,
      lossSum: 0,
      lossCount: 0,
      ...(best ? { bestDice: result!, bestEpoch: epoch } : {}),
    }
    await demandFolder()
    await note({
      ...{ step: progress.step, epoch, loss },
      ...(result === undefined ? {} : { validation: result }),
      ...(judged === undefined ? {} : { trials, order: judged.order, factors: judged.next.factors }),
    })
    if (best || checker === undefined)
      await saveLearned(join(folder, files.best), await learnedNow(), {
        version: input.version,
        model: input.name,
        spec: modelHash(model),
        base,
      })
    await checkpoint()
    on({ kind: "epoch", epoch, loss, ...(result === undefined ? {} : { dice: result }), best })
  }

  const waitsInVain = (): boolean =>
    options.patience !== undefined && progress.epoch - 1 - progress.bestEpoch >= options.patience
  const ended = (): boolean => progress.epoch >= options.epochs || waitsInVain()

  try {
    while (!ended() && !signal?.aborted) {
      if (tuner !== undefined && progress.sample === 0) epochStart = await executable.read(stateNames)
      const samples = input.reader.training(input.train, progress.epoch, progress.sample)
      for await (const batch of batched(samples, options.batch)) {
        const loss = await runBatch(batch)
        if (!begun) await input.begun?.()
        begun = true
        const done = Math.floor(progress.sample / options.batch)
        on({ kind: "step", epoch: progress.epoch, step: progress.step, loss, done, total: perEpoch })
        const due = checkpointEvery > 0 && progress.batch % (checkpointEvery * options.accumulate) === 0
        if (due || signal?.aborted) await checkpoint()
        if (signal?.aborted) break
      }
      if (!signal?.aborted) await endEpoch()
    }
    return { finished: ended(), progress, learned: await learnedNow() }
  } finally {
    await executable.dispose()
    await checker?.dispose()
    await cache?.dispose()
  }
}

const diverged = async (folder: string, what: string, step: number) =>
  failed(
    folder,
    "HS5301",
    `${what === "the loss" ? what : `'${what}'`} is not finite at step ${step}`,
    (await exists(join(folder, files.last)))
      ? "Go on with --resume and a lower --rate: the last good checkpoint was kept."
      : "Start again with a lower --rate: it was too high from the beginning.",
  )
