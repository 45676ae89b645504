/**
 * The one table of what options may say. An option means the same in every command, unless `command --option` says otherwise. All that were given are read
 * before a command does anything, and all that are wrong are said at once; a test gives each option of each command what its kind must refuse.
 */
import type { Command, Option } from "commander"
import { type Diagnostic, Failed, failed } from "../compiler/diagnostic.ts"
import { own } from "../dsl/own.ts"
import { imageSide, trainingRanges, whole } from "../dsl/ranges.ts"
import { precisions, storages } from "../dsl/training.ts"
import { isPrecise } from "../runtime/engines.ts"
import { demandEngine, demandTrainer, preciseNames, targetNamed } from "./targets/index.ts"
import {
  armWeights,
  bytes,
  choice,
  choices,
  coordinates,
  imageSize,
  type Kind,
  names,
  number,
  numbers,
  palette,
  path,
  pattern,
  readAll,
  sentence,
  share,
  tolerance,
  uncertainty,
  window,
} from "./values.ts"

/** Kinds whose names stand elsewhere are loaded when such an option is given. */
type Entry = Kind | (() => Promise<Kind>)

const passNames: Entry = async () =>
  choice((await import("../compiler/passes/pipeline.ts")).passes.map(({ name }) => name))

const target = (demand: (name: string) => unknown): Kind => ({
  about: "a target",
  read: (_, text) => {
    demand(text)
    return text
  },
  wrong: ["", "gpu", "constructor", "__proto__", "toString", "cpu "],
  right: "cpu",
})

export const kinds: Readonly<Record<string, Entry>> = {
  "--accumulate": number(trainingRanges.accumulate),
  "--adapters": path,
  "--asks": choices(["points", "box", "mask"]),
  "--attention": choice(["whole", "fused"]),
  "--batch": number(trainingRanges.batch),
  "--budget": path,
  "--checkpoint-every": number(whole(1, 1e9)),
  "--clip": number(trainingRanges.clip),
  "--class": number(whole(1, 65_535)),
  "--count": number(whole(1, 1_000_000)),
  "--data": path,
  "--dice-over": choice(["image", "batch"]),
  "--dump": passNames,
  "--empty": choice(["diagonal", "exclude"]),
  "--epochs": number(trainingRanges.epochs),
  "--example": path,
  "--folds": number(whole(3, 1000)),
  "--frozen": choice(storages),
  "--format": choice(["text", "markdown", "latex", "html"]),
  "--flag": names,
  "--fraction": number({ above: 0, most: 1 }),
  "--hd95": choice(["pooled", "larger"]),
  "--histograms": numbers(whole(1, 10_000)),
  "compare --histograms": path,
  "diff --format": choice(["text", "markdown", "html"]),
  "--input-size": imageSize(imageSide),
  "--inputs": path,
  "--jitter": number(trainingRanges.jitter),
  "--job": path,
  "--jobs": number(whole(1, 1024)),
  "--licence": sentence,
  "--lora-alpha": number({ above: 0, most: 1e6 }),
  "--layout": async () => choice((await import("../runtime/data/layouts/index.ts")).layoutNames),
  "--memory": bytes,
  "--from": path,
  "init --names": path,
  "--names": choice(["keep", "segment-anything", "huggingface"]),
  "--out": path,
  "--palette": palette,
  "--outputs": path,
  "--part": choice(["train", "validation", "test", "all"]),
  "--patience": number(trainingRanges.patience),
  "--sampling": choice(["each", "balanced"]),
  "--point": coordinates(["x", "y"]),
  "--points": path,
  "--prompts": path,
  "--mask": path,
  "--localizer": path,
  "--box": coordinates(["x0", "y0", "x1", "y1"]),
  "--uncertainty": uncertainty,
  "segment --format": choice(["png", "nifti", "dicomseg"]),
  "segment --part": share,
  "--port": number(whole(0, 65_535)),
  "--precision": choice(precisions),
  "--prompt": async () => choice((await import("../runtime/trainingOptions.ts")).promptNames),
  "--rate": number(trainingRanges.rate),
  "--report": async () => choices((await import("./reports.ts")).formatNames),
  "--save-points": path,
  "--seed": number(trainingRanges.seed),
  "--size": number(whole(16, 8192)),
  "--spec": path,
  "study --weights": armWeights,
  "--split": path,
  "--subject": pattern,
  "--stop-after": passNames,
  "--target": target(demandEngine),
  "compile --target": target(targetNamed),
  "train --target": target(demandTrainer),
  "study --target": target(demandTrainer),
  "--test": choice(["welch", "paired", "wilcoxon"]),
  "--tolerance": tolerance,
  "--torchrun": number(whole(1, 1024)),
  "--validate-every": number(trainingRanges.epochs),
  "--weights": path,
  "--window": window,
}

/** What an option of a command may say; undefined where the table does not tell, which a test finds. */
export const kindOf = async (command: string, option: string): Promise<Kind | undefined> => {
  const entry = own(kinds, `${command} ${option}`) ?? own(kinds, option)
  return typeof entry === "function" ? entry() : entry
}

const precise = ({ target }: Readonly<Record<string, unknown>>): boolean => isPrecise(String(target))

/** Options that do nothing without another one: saying so is better than doing nothing. */
export const needs: readonly (readonly [
  command: string,
  option: string,
  satisfied: (options: Readonly<Record<string, unknown>>) => boolean,
  what: string,
])[] = [
  [
    "compile",
    "--memory",
    ({ dump, stopAfter, target }) => dump !== undefined || stopAfter !== undefined || target === "cuda",
    "--dump or --target cuda",
  ],
  ["compile", "--weights", ({ target }) => target === "onnx" || target === "webgpu", "--target onnx or webgpu"],
  ["compile", "--licence", ({ target }) => target === "onnx", "--target onnx"],
  ["compile", "--asks", ({ target }) => target === "onnx", "--target onnx"],
  ["compile", "--half", ({ target }) => target === "webgpu", "--target webgpu"],
  ["compile", "--example", ({ target }) => target === "webgpu", "--target webgpu"],
  ...["train", "compile"].map(
    (command) =>
      [
        command,
        "--attention",
        ({ target }: { readonly target?: unknown }) => target === "cuda",
        "--target cuda",
      ] as const,
  ),
  ["run", "--dice-over", ({ gradients }) => gradients === true, "--gradients"],
  ["init", "--names", ({ from }) => from !== undefined, "--from"],
  ["train", "--torchrun", ({ target }) => target === "pytorch", "--target pytorch"],
  [
    "compile",
    "--cost",
    ({ brief, json, report }) => !brief || json === true || report !== undefined,
    "the whole report: without --brief, or with --json or --report",
  ],
  ...["--brief", "--cost"].map(
    (option) =>
      [
        "compile",
        option,
        ({ dump, stopAfter }: Readonly<Record<string, unknown>>) => dump === undefined && stopAfter === undefined,
        "the report, in whose place --dump and --stop-after print a graph",
      ] as const,
  ),
  ...["run", "train", "eval", "segment", "compile"].map(
    (command) => [command, "--precision", precise, `--target ${preciseNames.replace(", ", " or ")}`] as const,
  ),
  ["compile", "--out", ({ target, report }) => target !== undefined || report !== undefined, "--target or --report"],
]
export const excludes: readonly (readonly [command: string, option: string, other: string, why: string])[] = [
  ["train", "--split", "--resume", "a run keeps the split that it was started with"],
  ["study", "--list", "--slurm", "one or the other is wanted"],
  ["study", "--job", "--list", "a list is of all jobs"],
  ["study", "--job", "--jobs", "one job is one process"],
  ["study", "--format", "--list", "a list of commands has one form"],
  ["study", "--format", "--slurm", "scripts have one form"],
  ["compile", "--asks", "--batch", "a file of fitted images has one point an image"],
  ["compile", "--brief", "--json", "the document holds all"],
  ["compile", "--json", "--dump", "stdout holds one document"],
  ["compile", "--json", "--stop-after", "stdout holds one document"],
  ["compile", "--watch", "--update", "it would write what it watches"],
]

/** Options that another target does not follow. */
export const unfollowed: readonly (readonly [
  command: string,
  option: string,
  unfollowed: (options: Readonly<Record<string, unknown>>) => boolean,
  why: string,
  help: string,
])[] = [
  ...["--window", "--palette", "--inverted"].map(
    (option) =>
      [
        "train",
        option,
        ({ target }: Chosen) => target === "pytorch",
        `the package reads images of 8 bits and masks that show their foreground, and would not follow ${option}`,
        "Save the data so, or train with another target.",
      ] as const,
  ),
  ...["run", "train", "eval", "segment", "compile"].map(
    (command) =>
      [
        command,
        "--frozen",
        ({ target = "cpu", frozen }: Chosen) => target !== "cpu" && frozen !== "float32",
        "only the CPU engine keeps frozen weights in fewer bits",
        "Leave --frozen out, or take --target cpu.",
      ] as const,
  ),
]
type Chosen = Readonly<Record<string, unknown>>

const given = (command: Command, { attributeName }: { readonly attributeName: string }): boolean =>
  command.getOptionValueSource(attributeName) === "cli"

/** Throws HS5002 and HS2503. */
export const readOptions = async (command: Command): Promise<void> => {
  const name = command.name()
  const options = command.options.map((option: Option) => ({
    long: option.long!,
    attributeName: option.attributeName(),
    valued: option.required || option.optional,
  }))
  const used = options.filter((option) => given(command, option))
  // Defaults are read as well: they are texts, too.
  const texts = await Promise.all(
    options
      .filter(({ valued, attributeName }) => valued && command.getOptionValue(attributeName) !== undefined)
      .map(async (option) => {
        const kind = await kindOf(name, option.long)
        if (kind === undefined) throw new Error(`internal: no range for ${name} ${option.long}`)
        return { ...option, name: option.long, text: String(command.getOptionValue(option.attributeName)), kind }
      }),
  )
  readAll(texts).forEach((value, i) => {
    const { attributeName } = texts[i]!
    command.setOptionValueWithSource(attributeName, value, command.getOptionValueSource(attributeName) ?? "default")
  })
  const has = (long: string): boolean => used.some((option) => option.long === long)
  const problems: Diagnostic[] = [
    ...needs
      .filter(([of, long, satisfied]) => of === name && has(long) && !satisfied(command.opts()))
      .map(([, long, , what]) =>
        idle(long, `${long} does nothing without ${what}`, `Add ${what}, or leave ${long} out.`),
      ),
    ...unfollowed
      .filter(([of, long, isUnfollowed]) => of === name && has(long) && isUnfollowed(command.opts()))
      .map(([, long, , why, help]) =>
        idle(long, `${long} does not go with --target ${command.opts()["target"]}: ${why}`, help),
      ),
    ...excludes
      .filter(([of, long, other]) => of === name && has(long) && has(other))
      .map(([, long, other, why]) =>
        idle(long, `${long} does not go with ${other}: ${why}`, `Leave ${long} or ${other} out.`),
      ),
  ]
  const [first, ...rest] = problems
  if (first !== undefined) throw new Failed([first, ...rest])
}

const idle = (option: string, message: string, help: string): Diagnostic =>
  failed(option, "HS5002", message, help).diagnostics[0]
