/** What --data, --prompt and their kind say, for `train` and `eval` alike. */
import { Failed, failed } from "../compiler/diagnostic.ts"
import type { ModelData } from "../dsl/model.ts"
import { promptingOf } from "../dsl/task.ts"
import {
  asks,
  type Precision,
  type Prompt,
  type Sampling,
  type Storage,
  type TrainingOptions,
  unmoved,
} from "../dsl/training.ts"
import type { Case, DataOptions, Part } from "./data/case.ts"
import { openData } from "./data/layouts/index.ts"
import type { Point } from "./data/prompts.ts"
import { readPoints } from "./data/prompts.ts"
import { type Split, splitCases } from "./data/split.ts"
import { loadSplit } from "./data/splitFile.ts"

const usage = (what: string, message: string, help: string) => failed(what, "HS5002", message, help)

export const promptNames = ["centre", "randomInside", "box", "file", "localizer"] as const
export type PromptName = (typeof promptNames)[number]

/** Throws HS1031 where the model takes no such prompt: an option that does nothing is none. */
export const promptOf = (
  given: PromptName | undefined,
  otherwise: Prompt,
  model: Pick<ModelData, "name" | "takes">,
): Prompt => {
  if (given === undefined) return otherwise
  const prompt: Prompt = { kind: given }
  const kinds = promptingOf(model.takes)
  if (!kinds.includes(asks(prompt)))
    throw failed(
      "--prompt",
      "HS1031",
      `${model.name} takes no ${asks(prompt) === "box" ? "boxes" : "points"}, so the prompt '${given}' asks it nothing`,
      kinds.length === 0 ? "It takes no prompts: leave --prompt out." : `It takes ${kinds.join(" and ")}.`,
    )
  return prompt
}

export const pointsOf = async (
  file: string | undefined,
  prompt: Prompt,
): Promise<ReadonlyMap<string, Point> | undefined> => {
  const wanted = prompt.kind === "file" || prompt.kind === "localizer"
  if (file !== undefined && !wanted)
    throw usage(
      "--points",
      `--points does nothing with the prompt '${prompt.kind}'`,
      "Add --prompt file, or --prompt localizer, or leave --points out.",
    )
  if (file !== undefined) return readPoints(file)
  if (wanted)
    throw usage(
      "--points",
      `the prompt '${prompt.kind}' needs points`,
      "Give --points FILE; `hasam eval LOCALIZER_RUN --save-points FILE` writes one.",
    )
  return undefined
}

/** Cases of a run's split that are no longer among its data. */
export const goneSince = (data: string): string =>
  `They were renamed or removed in '${data}' since the run began: put them back, or start another run in another --out.`

export interface Opened {
  readonly cases: readonly Case[]
  readonly layout: string
  readonly split: Split
  readonly of: (part: "train" | "validation" | "test" | "all") => readonly Case[]
}

/** Cases and their split: a saved one, or 7 : 1.5 : 1.5 by seed. */
export const openWithSplit = async (
  dir: string,
  options: DataOptions,
  seed: number,
  splitFile: string | undefined,
  /** What to do where the data lack cases of the split. */
  cure?: string,
): Promise<Opened> => {
  const { cases, layout } = await openData(dir, options)
  const split =
    splitFile === undefined ? splitCases(cases, { seed, root: dir }) : await loadSplit(splitFile, cases, cure)
  const of: Opened["of"] = (part) => {
    if (part === "all") return cases
    const ids = new Set(split[part])
    return cases.filter(({ id }) => ids.has(id))
  }
  return { cases, layout, split, of }
}

/** The cases of a part, and which it is; `all` where the data cannot be split, or are not those that a run was trained on. */
export interface Evaluated {
  /** All of the data set. */
  readonly cases: readonly Case[]
  readonly part: Part | "all"
  readonly chosen: readonly Case[]
  /** Why these, where nobody said it. */
  readonly note?: string
}

/**
 * What is to be evaluated: of a saved split, of the parts that the data come in, or of a split by seed. `all` needs no split, and neither do data that a
 * model was not trained on. Throws HS4302 where a part was asked for and the data cannot be split, HS5330 where it is empty.
 */
export const openPart = async (
  dir: string,
  options: DataOptions,
  asked: {
    readonly part: Part | "all" | undefined
    readonly seed: number
    readonly split: string | undefined
    readonly otherData: boolean
    /** What to do where the data lack cases of the split. */
    readonly cure?: string | undefined
  },
): Promise<Evaluated> => {
  const { cases } = await openData(dir, options)
  const { seed, otherData } = asked
  const of = (part: Part | "all", chosen: readonly Case[], note?: string): Evaluated => {
    if (chosen.length === 0)
      throw failed(
        dir,
        "HS5330",
        `there is nothing to evaluate: no image is in the part '${part}'`,
        "Give --part all, or another --part, --split or --data.",
      )
    return { cases, part, chosen, ...(note === undefined ? {} : { note }) }
  }
  if (asked.part === "all") return of("all", cases)
  const part = asked.part ?? "test"
  const within = (split: Split): Evaluated => {
    const ids = new Set(split[part])
    return of(
      part,
      cases.filter(({ id }) => ids.has(id)),
    )
  }
  if (asked.split !== undefined) return within(await loadSplit(asked.split, cases, asked.cure))
  const given = cases.filter((one) => one.part === part)
  if (given.length > 0) return of(part, given)
  const all = (why: string) =>
    of("all", cases, `${why}: ${cases.length === 1 ? "its one image is" : `all ${cases.length} images are`} evaluated`)
  if (asked.part === undefined && otherData) return all("these are not the data that the run was trained on")
  try {
    return within(splitCases(cases, { seed, root: dir }))
  } catch (error) {
    const few = error instanceof Failed && error.diagnostics.every(({ code }) => code === "HS4302")
    if (asked.part === undefined && few) return all("the data are too few to be split")
    throw error
  }
}

interface TrainingFlags {
  readonly epochs?: number
  readonly batch?: number
  readonly accumulate?: number
  readonly rate?: number
  readonly seed?: number
  readonly prompt?: PromptName
  readonly precision?: Precision
  readonly frozen?: Storage
  readonly clip?: number
  readonly patience?: number
  readonly jitter?: number
  readonly sampling?: Sampling["kind"]
}

/** A spec's options with those of the command line in their place. */
export const overridden = (
  options: TrainingOptions,
  flags: TrainingFlags,
  model: Pick<ModelData, "name" | "takes">,
): TrainingOptions => {
  const prompt = promptOf(flags.prompt, options.prompt, model)
  const jitter = flags.jitter ?? options.jitter
  const still = jitter === undefined ? undefined : unmoved(prompt, model)
  if (still !== undefined) throw usage(flags.jitter === undefined ? "--prompt" : "--jitter", still, "Leave it out.")
  return { ...withFlags(options, flags), prompt }
}

const withFlags = (options: TrainingOptions, flags: Omit<TrainingFlags, "prompt">): TrainingOptions => ({
  ...options,
  optimizer: flags.rate === undefined ? options.optimizer : { ...options.optimizer, rate: flags.rate },
  epochs: flags.epochs ?? options.epochs,
  batch: flags.batch ?? options.batch,
  accumulate: flags.accumulate ?? options.accumulate,
  seed: flags.seed ?? options.seed,
  ...(flags.precision === undefined ? {} : { precision: flags.precision }),
  ...(flags.frozen === undefined ? {} : { frozen: flags.frozen }),
  ...(flags.clip === undefined ? {} : { clip: { norm: flags.clip } }),
  ...(flags.patience === undefined ? {} : { patience: flags.patience }),
  ...(flags.jitter === undefined ? {} : { jitter: flags.jitter }),
  ...(flags.sampling === undefined ? {} : { sampling: { kind: flags.sampling } }),
})
