/** What --data, --prompt and their kind say, for `train` and `eval` alike. */
import { failed } from "../compiler/diagnostic.ts"
import type { Prompt, TrainingOptions } from "../dsl/training.ts"
import type { Case, DataOptions, LayoutName } from "../runtime/data/case.ts"
import { openData } from "../runtime/data/layouts/index.ts"
import type { Point } from "../runtime/data/prompts.ts"
import { readPoints } from "../runtime/data/prompts.ts"
import { type Split, splitCases } from "../runtime/data/split.ts"
import { loadSplit } from "../runtime/data/splitFile.ts"

const usage = (what: string, message: string, help: string) => failed(what, "HS5002", message, help)

export const promptNames = ["centre", "randomInside", "box", "file", "localizer"] as const
export type PromptName = (typeof promptNames)[number]

export const promptOf = (given: PromptName | undefined, otherwise: Prompt): Prompt =>
  given === undefined ? otherwise : { kind: given }

export const dataOptionsOf = ({
  layout,
  class: chosen,
}: {
  readonly layout?: LayoutName
  readonly class?: number
}): DataOptions => ({
  ...(layout === undefined ? {} : { layout }),
  ...(chosen === undefined ? {} : { class: chosen }),
})

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
): Promise<Opened> => {
  const { cases, layout } = await openData(dir, options)
  const split = splitFile === undefined ? splitCases(cases, { seed, root: dir }) : await loadSplit(splitFile, cases)
  const of: Opened["of"] = (part) => {
    if (part === "all") return cases
    const ids = new Set(split[part])
    return cases.filter(({ id }) => ids.has(id))
  }
  return { cases, layout, split, of }
}

/** A spec's options with those of the command line in their place. */
export const overridden = (
  options: TrainingOptions,
  flags: {
    readonly epochs?: number
    readonly batch?: number
    readonly accumulate?: number
    readonly rate?: number
    readonly seed?: number
    readonly prompt?: PromptName
  },
): TrainingOptions => ({
  ...options,
  optimizer: flags.rate === undefined ? options.optimizer : { ...options.optimizer, rate: flags.rate },
  epochs: flags.epochs ?? options.epochs,
  batch: flags.batch ?? options.batch,
  accumulate: flags.accumulate ?? options.accumulate,
  prompt: promptOf(flags.prompt, options.prompt),
  seed: flags.seed ?? options.seed,
})
