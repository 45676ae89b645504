/**
 * A run on disk: run.json says what it is, last.safetensors is where it stands, best.safetensors what it learned at its best,
 * log.jsonl what happened. Every file is whole at any moment.
 */
import { createHash } from "node:crypto"
import { access, readFile } from "node:fs/promises"
import { join } from "node:path"
import { isLeft } from "fp-ts/lib/Either.js"
import * as t from "io-ts"
import { failed } from "../../compiler/diagnostic.ts"
import type { Tensors } from "../../compiler/ir/graph.ts"
import { readBytes, writeAtomically } from "../files.ts"
import { withCheckpoint } from "../weights/checkpoint.ts"
import { hashOf } from "../weights/learned.ts"
import { save } from "../weights/save.ts"

export const files = {
  run: "run.json",
  last: "last.safetensors",
  best: "best.safetensors",
  log: "log.jsonl",
  split: "split.json",
} as const

/** Where tuning of rates stands (autoLr.ts). */
const Tuned = t.intersection([
  t.type({ undone: t.number, factors: t.readonlyArray(t.number) }),
  t.partial({ wanted: t.readonlyArray(t.number) }),
])

/** Where a run stands: everything that the next step depends on, beside the tensors. */
const ProgressKeys = t.type({
  /** Epochs done. */
  epoch: t.number,
  /** Samples of the current epoch done. */
  sample: t.number,
  /** Batches done in all. */
  batch: t.number,
  /** Optimizer steps done. */
  step: t.number,
  bestEpoch: t.number,
  bestDice: t.number,
  /** Sum of the losses of this epoch so far, and their number. */
  lossSum: t.number,
  lossCount: t.number,
})
const Progress = t.intersection([ProgressKeys, t.partial({ tuning: Tuned })])
export type Progress = t.TypeOf<typeof Progress>

export const atStart: Progress = {
  epoch: 0,
  sample: 0,
  batch: 0,
  step: 0,
  bestEpoch: -1,
  bestDice: -1,
  lossSum: 0,
  lossCount: 0,
}

/** What was changed of a run while it went on. */
const Change = t.type({
  /** Optimizer steps that were done before. */
  step: t.number,
  option: t.string,
  from: t.unknown,
  to: t.unknown,
})

/** What a run is; --resume demands the same. */
const RunKeys = t.type({
  version: t.string,
  name: t.string,
  model: t.string,
  /** Hash of the model: layers and mask. */
  hash: t.string,
  /** Hash of the frozen tensors. */
  base: t.string,
  spec: t.string,
  weights: t.union([t.string, t.null]),
  data: t.string,
  layout: t.string,
  target: t.string,
  /** As the last step was done; what they were before stands in the history. */
  options: t.UnknownRecord,
})
const RunFile = t.intersection([RunKeys, t.partial({ history: t.array(Change) })])
export type RunFile = t.TypeOf<typeof RunFile>

export const exists = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  )

const damaged = (path: string, what: string) =>
  failed(path, "HS5306", what, "Restore it from a copy, or start the run again in another folder.")

const decode = <A>(path: string, type: t.Type<A, unknown, unknown>, text: string): A => {
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch {
    throw damaged(path, "the file is not JSON")
  }
  if (typeof json !== "object" || json === null || Array.isArray(json))
    throw damaged(path, "the file does not say what the run is")
  const decoded = type.decode(json)
  if (isLeft(decoded)) {
    const key =
      decoded.left[0]?.context
        .map((c) => c.key)
        .filter(Boolean)
        .join(".") ?? ""
    throw damaged(path, `the file lacks a right '${key}'`)
  }
  return decoded.right
}

export const readRun = async (folder: string): Promise<RunFile> => {
  const path = join(folder, files.run)
  return decode(path, RunFile, (await readBytes(path)).toString("utf8"))
}
export const writeRun = (folder: string, run: RunFile): Promise<void> =>
  writeAtomically(join(folder, files.run), `${JSON.stringify(run, null, 2)}\n`)

/** What ties a checkpoint to its run: a run goes on from its own only, on its own base. */
export interface Identity {
  /** Hash of what the run is, but for how long it goes on and at which rate: that may change on the way. */
  readonly run: string
  /** Hash of the frozen tensors. */
  readonly base: string
}

export const identityOf = ({ hash, base, data, options }: RunFile): Identity => {
  const lasting = JSON.stringify({ hash, base, data, options }, (key, value) =>
    key === "rate" || key === "epochs" || key === "patience" ? undefined : value,
  )
  return { run: createHash("sha256").update(lasting).digest("hex"), base }
}

/** Names of what an epoch began with, in a checkpoint in the middle of one that may be undone. */
const before = "epoch/"

/** `epoch`: what the epoch began with, where it may be undone. */
export const writeLast = (
  folder: string,
  tensors: Tensors,
  progress: Progress,
  identity: Identity,
  epoch: Tensors = {},
): Promise<void> => {
  const all = { ...tensors, ...renamed(epoch, (name) => `${before}${name}`) }
  return save(join(folder, files.last), all, {
    "hasam.progress": JSON.stringify(progress),
    "hasam.run": identity.run,
    "hasam.base": identity.base,
    "hasam.tensors": hashOf(all),
  })
}

const renamed = (tensors: Tensors, as: (name: string) => string): Tensors =>
  Object.fromEntries(Object.entries(tensors).map(([name, tensor]) => [as(name), tensor]))

const another = (path: string, what: string) =>
  failed(
    path,
    "HS5310",
    `the checkpoint was written by a run ${what}`,
    "Restore the folder from a copy, or start the run again in another folder.",
  )

/** Throws HS5306 and HS5310. */
export const readLast = (
  folder: string,
  identity: Identity,
): Promise<{ readonly tensors: Tensors; readonly progress: Progress; readonly epoch: Tensors }> => {
  const path = join(folder, files.last)
  return withCheckpoint(path, async (checkpoint) => {
    const progress = decode(path, Progress, checkpoint.metadata["hasam.progress"] ?? "")
    const { "hasam.run": run, "hasam.base": base } = checkpoint.metadata
    if (base !== identity.base) throw another(path, "on other base weights")
    if (run !== identity.run) throw another(path, "of another model, data or options")
    const tensors: [string, Tensors[string]][] = []
    for (const stored of checkpoint.tensors) tensors.push([stored.name, await checkpoint.read(stored)])
    // Of one wrong bit a run would learn something else, and nothing would say so.
    if (checkpoint.metadata["hasam.tensors"] !== hashOf(Object.fromEntries(tensors)))
      throw damaged(path, "the tensors are not those that the run wrote")
    const [earlier, now] = [
      tensors.filter(([name]) => name.startsWith(before)),
      tensors.filter(([name]) => !name.startsWith(before)),
    ]
    const epoch = renamed(Object.fromEntries(earlier), (name) => name.slice(before.length))
    return { tensors: Object.fromEntries(now), progress, epoch }
  })
}

/** Where a checkpoint says that its run stands, without its tensors; ours, or one of the PyTorch package. Throws HS5306. */
export const standingOf = (path: string): Promise<Pick<Progress, "epoch" | "step">> =>
  withCheckpoint(path, async ({ metadata }) =>
    decode(path, t.type({ epoch: t.number, step: t.number }), metadata["hasam.progress"] ?? ""),
  )

/** One line of the log. */
export interface LogEntry {
  readonly step: number
  readonly [key: string]: number | string | readonly number[]
}

/** The log of the epochs before one: what a killed run wrote after its last checkpoint will be written again. */
export const readLog = async (folder: string, before: number): Promise<readonly LogEntry[]> => {
  const text = await readFile(join(folder, files.log), "utf8").catch(() => "")
  const entries: LogEntry[] = []
  for (const line of text.split("\n")) {
    try {
      const entry = JSON.parse(line) as LogEntry
      if (typeof entry.step === "number" && typeof entry["epoch"] === "number" && entry["epoch"] < before)
        entries.push(entry)
    } catch {
      // An unfinished last line.
    }
  }
  return entries
}
export const logText = (entries: readonly LogEntry[]): string =>
  entries.map((entry) => `${JSON.stringify(entry)}\n`).join("")
