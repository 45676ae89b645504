/**
 * Training in a page: the data check, the split, the loop and the files of `hasam train`, over a store in the browser. Where it stands is kept on this
 * machine, so it goes on after a reload.
 */
import { appendFile, readFile, rm, writeFile } from "node:fs/promises"
import { join } from "node:path"
import type { Backend } from "../../backends/backend.ts"
import { tensorTable } from "../../compiler/analysis/parameters.ts"
import { type Diagnostic, failed } from "../../compiler/diagnostic.ts"
import type { Tensors } from "../../compiler/ir/graph.ts"
import type { TrainingOptions } from "../../dsl/training.ts"
import { checkData, type DataReport, isUsable } from "../data/check.ts"
import { openData } from "../data/layouts/index.ts"
import { type Reader, reader } from "../data/reader.ts"
import { splitCases } from "../data/split.ts"
import { loadSplit, saveSplit } from "../data/splitFile.ts"
import { frozenOf } from "../run/adapters.ts"
import { classesTaught, needsForeground, pixelsOf, teachesCentres } from "../task/index.ts"
import {
  exists,
  files,
  identityOf,
  type LogEntry,
  type Progress,
  readLast,
  readLog,
  readRun,
  writeRun,
} from "../training/checkpoint.ts"
import { modelHash } from "../training/identity.ts"
import { type TrainingEvent, train } from "../training/train.ts"
import { hashOf } from "../weights/learned.ts"
import { type Drawn, drawnIn } from "./drawn.ts"
import { heldBy } from "./held.ts"
import type { ModelFile } from "./modelFile.ts"
import { type SampleView, sampleView } from "./views.ts"

/** A file of a data set, with its path below the folder that was chosen. */
export interface DataFile {
  readonly path: string
  readonly content: Blob
}
/** One batch: its number from 1 on, and its loss. */
export interface StepLoss {
  readonly batch: number
  readonly loss: number
}
/** What is kept in this browser. */
export interface KeptTraining {
  /** The folder that was chosen. */
  readonly data: string
  readonly files: number
  /** Where its training stands, if one has begun. */
  readonly run?: {
    readonly progress: Progress
    readonly options: TrainingOptions
    readonly steps: readonly StepLoss[]
    readonly epochs: readonly LogEntry[]
  }
}
export type TrainEvent =
  | TrainingEvent
  | { readonly kind: "split"; readonly training: number; readonly validation: number; readonly test: number }
  /** One of the first validation images, with what the model says of it now. */
  | { readonly kind: "sample"; readonly id: string; readonly score: number; readonly view: SampleView }

export interface TrainRequest {
  /** Instead of the spec's. */
  readonly epochs?: number
  readonly batch?: number
  readonly rate?: number
  readonly seed?: number
  /** Go on with what is kept. */
  readonly resume?: boolean
  /** Steps between two that are kept. */
  readonly checkpointEvery?: number
  readonly on?: (event: TrainEvent) => void
  /** Aborted: the step is finished and kept. */
  readonly signal?: AbortSignal
}

export interface Trainer {
  /** What an earlier visit left; undefined where there is nothing. */
  kept(): Promise<KeptTraining | undefined>
  /** Images whose masks were drawn in a page. `give(name, await drawn.files())` makes them the data. */
  readonly drawn: Drawn
  /** What another tab of this browser does with what is kept, in words; undefined where none does. */
  elsewhere(): Promise<string | undefined>
  /** Resolves once no other tab is at work. */
  free(): Promise<void>
  /** Takes a data set in the place of what was kept, a run included. Throws HS5309 while another tab trains. */
  give(name: string, data: readonly DataFile[], onProgress?: (share: number) => void): Promise<void>
  /** `hasam data check` on what was given. */
  check(onProgress?: (share: number) => void): Promise<DataReport>
  /**
   * Trains, or goes on: losses are those of `hasam train` on the same data. Resolves to whether all epochs are done.
   * Throws HS4302 for too few images, HS5301 where it diverges, HS5305, HS5307, HS5309 while another tab trains, HS5310.
   */
  train(request?: TrainRequest): Promise<boolean>
  /** best.safetensors, as `hasam eval --adapters` and `load` read it; undefined before the first epoch's end. */
  learned(): Promise<Blob | undefined>
  /** The split, as `--split` reads it. */
  split(): Promise<Blob | undefined>
  /** Deletes data and run; what was drawn stays. Throws HS5309 while another tab trains. */
  forget(): Promise<void>
}

interface Ground {
  readonly backend: Backend
  readonly file: ModelFile
  /** All tensors of the model before training. */
  readonly tensors: (seed: number) => Promise<Tensors>
}

/** So many of the validation images are shown after each epoch. */
const shown = 4

const text = (path: string): Promise<string | undefined> => readFile(path, "utf8").catch(() => undefined)
const jsonLines = <A>(lines: string): readonly A[] =>
  lines
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as A)

/** Throws HS5305. */
export const trainer = ({ backend, file, tensors: weightsOf }: Ground): Trainer => {
  const { model, training, version } = file
  if (training === undefined)
    throw failed(
      model.name,
      "HS5305",
      "nothing would learn: all of the model is frozen, or nothing is taught",
      "Add an adaptation, or unfreeze a part on which the output depends, and compile again.",
    )
  const root = `/kept/${modelHash(model).slice(0, 16)}`
  const [data, folder] = [join(root, "data"), join(root, "run")]
  const [about, steps] = [join(root, "about.json"), join(folder, "steps.jsonl")]
  const labels = classesTaught(model)
  const held = heldBy(`hasam ${root}`, join(root, "holder.json"))
  const remove = async (): Promise<void> => {
    for (const path of [about, folder, data]) await rm(path, { recursive: true, force: true })
  }
  const known = async (): Promise<{ readonly name: string; readonly files: number } | undefined> => {
    const found = await text(about)
    return found === undefined ? undefined : JSON.parse(found)
  }
  /** Places as the user knows them. */
  const placed =
    (name: string) =>
    (one: Diagnostic): Diagnostic => ({
      ...one,
      file: one.file.replace(data, name),
      message: one.message.replaceAll(`${data}/`, ""),
      ...(one.help === undefined ? {} : { help: one.help.replaceAll(`${data}/`, "") }),
    })

  const readerFor = (options: TrainingOptions): Reader =>
    reader({
      pixels: pixelsOf(model),
      centres: teachesCentres(model),
      labels,
      seed: options.seed,
      prompt: options.prompt,
      augmentation: options.augmentation,
      sampling: options.sampling,
      trainingJitter: options.jitter,
    })

  const trainAlone = async (request: TrainRequest): Promise<boolean> => {
    const { resume = false, on = () => undefined, signal } = request
    const run = resume ? await readRun(folder) : undefined
    const options: TrainingOptions = (run?.options as TrainingOptions | undefined) ?? {
      ...training,
      epochs: request.epochs ?? training.epochs,
      batch: request.batch ?? training.batch,
      seed: request.seed ?? training.seed,
      optimizer: { ...training.optimizer, rate: request.rate ?? training.optimizer.rate },
    }
    // A run that is over goes on where more epochs are asked for: what a checkpoint belongs to leaves their number out.
    const wanted: TrainingOptions = resume ? { ...options, epochs: request.epochs ?? options.epochs } : options
    const { cases, layout } = await openData(data)
    const saved = join(folder, files.split)
    if (!resume) await rm(folder, { recursive: true, force: true })
    const split = resume ? await loadSplit(saved, cases) : splitCases(cases, { seed: wanted.seed, root: data })
    const samples = readerFor(wanted)
    const part = async (ids: readonly string[]) => {
      const among = cases.filter(({ id }) => ids.includes(id))
      return needsForeground(model, wanted.prompt) ? samples.withForeground(among) : among
    }
    const [inTraining, inValidation] = [await part(split.train), await part(split.validation)]
    const tensors = await weightsOf(wanted.seed)
    const now = {
      version,
      name: model.name,
      model: model.name,
      hash: modelHash(model),
      base: hashOf(frozenOf(tensorTable(model), tensors)),
      spec: "",
      weights: null,
      data: (await known())?.name ?? "",
      layout,
      target: backend.name,
      options: { ...wanted },
    }
    if (run === undefined) {
      await writeRun(folder, now)
      await saveSplit(saved, split, { root: data, cases })
    } else if (wanted.epochs !== options.epochs) await writeRun(folder, { ...run, options: { ...wanted } })
    on({ kind: "split", training: inTraining.length, validation: inValidation.length, test: split.test.length })

    const since: StepLoss[] = []
    let batch = resume ? (await readLast(folder, identityOf(run ?? now))).progress.batch : 0
    const firsts = new Set(inValidation.slice(0, shown).map(({ id }) => id))
    const events: Promise<void>[] = []
    const { finished } = await train({
      name: model.name,
      version,
      model,
      options: wanted,
      weights: tensors,
      giveWeights: true,
      reader: breathing(samples),
      train: inTraining,
      validation: inValidation,
      folder,
      identity: identityOf(run === undefined ? now : { ...run, base: now.base }),
      backend,
      resume,
      checkpointEvery: request.checkpointEvery ?? 20,
      on: (event) => {
        if (event.kind === "step") since.push({ batch: ++batch, loss: event.loss })
        if (event.kind === "saved") {
          const lines = since.splice(0).map((step) => `${JSON.stringify(step)}\n`)
          events.push(appendFile(steps, lines.join("")))
        }
        on(event)
      },
      onAnswer: (sample, answer, score) => {
        if (firsts.has(sample.case.id))
          on({ kind: "sample", id: sample.case.id, score, view: sampleView(sample, answer, model) })
      },
      ...(signal === undefined ? {} : { signal }),
    })
    await Promise.all(events)
    return finished
  }

  return {
    kept: async () => {
      const there = await known()
      if (there === undefined) return undefined
      const kept = { data: there.name, files: there.files }
      if (!(await exists(join(folder, files.last)))) return kept
      const run = await readRun(folder)
      const { progress } = await readLast(folder, identityOf(run))
      return {
        ...kept,
        run: {
          progress,
          options: run.options as unknown as TrainingOptions,
          steps: jsonLines<StepLoss>((await text(steps)) ?? ""),
          epochs: await readLog(folder, progress.epoch),
        },
      }
    },
    drawn: drawnIn(join(root, "drawn")),
    elsewhere: held.elsewhere,
    free: held.free,
    give: (name, given, onProgress) =>
      held.alone("takes other data", async () => {
        await remove()
        for (const [i, { path, content }] of given.entries()) {
          await writeFile(join(data, path), content as unknown as Uint8Array)
          onProgress?.((i + 1) / given.length)
        }
        await writeFile(about, JSON.stringify({ name, files: given.length }))
      }),
    check: async (onProgress) => {
      const name = (await known())?.name ?? "data"
      const report = await checkData(data, {
        labels,
        onProgress: (done, total) => onProgress?.(done / total),
      })
      return { ...report, root: name, diagnostics: report.diagnostics.map(placed(name)) }
    },
    train: (request = {}) => held.alone("trains this model", () => trainAlone(request)),
    learned: () => blobOf(join(folder, files.best)),
    split: () => blobOf(join(folder, files.split)),
    forget: () => held.alone("deletes what is kept", remove),
  }
}

/** Between two images the page is heard: a pause that it asks for, its other questions. */
const breathing = (samples: Reader): Reader => ({
  ...samples,
  training: async function* (...given) {
    for await (const sample of samples.training(...given)) {
      await new Promise((go) => setTimeout(go))
      yield sample
    }
  },
})

const blobOf = async (path: string): Promise<Blob | undefined> =>
  (await exists(path)) ? new Blob([new Uint8Array(await readFile(path))]) : undefined

/** Does training on these data give a result to rely on? */
export const isTrainable = isUsable
