/** What --data, --prompt and their kind say, for `train` and `eval` alike. */
import { failed } from "../compiler/diagnostic.ts"
import type { Prompt, TrainingOptions } from "../dsl/training.ts"
import type { Case, DataOptions, LayoutName } from "../runtime/data/case.ts"
import { layoutNames, openData } from "../runtime/data/layouts/index.ts"
import type { Point } from "../runtime/data/prompts.ts"
import { readPoints } from "../runtime/data/prompts.ts"
import { type Split, splitCases } from "../runtime/data/split.ts"
import { loadSplit } from "../runtime/data/splitFile.ts"

const usage = (what: string, message: string, help: string) => failed(what, "HS5002", message, help)

const prompts = ["centre", "randomInside", "box", "file", "localizer"] as const

export const promptOf = (given: string | undefined, otherwise: Prompt): Prompt => {
  if (given === undefined) return otherwise
  const kind = prompts.find((name) => name === given)
  if (kind === undefined)
    throw usage("--prompt", `'${given}' is not a source of prompts`, `Sources are ${prompts.join(", ")}.`)
  return { kind }
}

export const numberOf = (name: string, given: string | undefined): number | undefined => {
  if (given === undefined) return undefined
  const value = Number(given)
  if (given.trim() === "" || !Number.isFinite(value))
    throw usage(name, `${name} is a number, not '${given}'`, "Write it with a point, as 0.0005.")
  return value
}

/** 11GB, 800MiB, or bytes: GB and GiB alike are 2³⁰, as memory is sold. */
export const bytesOf = (given: string): number => {
  const [, number, unit] = /^(\d+(?:\.\d+)?)\s*(KI?B|MI?B|GI?B|B)?$/i.exec(given.trim()) ?? []
  if (number === undefined) throw usage("--memory", `'${given}' is not an amount of memory`, "Write 11GB or 800MB.")
  const power = { K: 1, M: 2, G: 3 }[(unit ?? "B").slice(0, 1).toUpperCase()] ?? 0
  return Math.floor(Number(number) * 1024 ** power)
}

export const dataOptionsOf = ({
  layout,
  class: chosen,
}: {
  readonly layout?: string
  readonly class?: number
}): DataOptions => {
  const known = layout === undefined ? undefined : layoutNames.find((name) => name === layout)
  if (layout !== undefined && known === undefined)
    throw usage("--layout", `'${layout}' is not a layout`, `Layouts are ${layoutNames.join(", ")}.`)
  return {
    ...(known === undefined ? {} : { layout: known as LayoutName }),
    ...(chosen === undefined ? {} : { class: chosen }),
  }
}

export const pointsOf = async (
  file: string | undefined,
  prompt: Prompt,
): Promise<ReadonlyMap<string, Point> | undefined> => {
  if (file !== undefined) return readPoints(file)
  if (prompt.kind === "file" || prompt.kind === "localizer")
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
    readonly rate?: string
    readonly seed?: string
    readonly prompt?: string
  },
): TrainingOptions => {
  const rate = numberOf("--rate", flags.rate)
  const seed = numberOf("--seed", flags.seed)
  return {
    ...options,
    optimizer: rate === undefined ? options.optimizer : { ...options.optimizer, rate },
    epochs: flags.epochs ?? options.epochs,
    batch: flags.batch ?? options.batch,
    accumulate: flags.accumulate ?? options.accumulate,
    prompt: promptOf(flags.prompt, options.prompt),
    seed: seed ?? options.seed,
  }
}
