/** A study opened: its spec compiled, its splits made, its folder known to be its own. */
import { createHash } from "node:crypto"
import { join, resolve } from "node:path"
import { type CompiledModel, compileSpecs } from "../../compiler/compile.ts"
import { aboutFile, type Diagnostics, Failed, failed } from "../../compiler/diagnostic.ts"
import { splitSpec } from "../../compiler/frontend/resolve.ts"
import type { ArmData, StudyData } from "../../compiler/frontend/study.ts"
import type { Pair } from "../../dsl/layer.ts"
import { defaultsFor, type Training, type TrainingOptions } from "../../dsl/training.ts"
import { demandApart, demandForeground } from "../apart.ts"
import type { Case, Folds } from "../data/case.ts"
import { withCopies } from "../data/copies.ts"
import { byText, isFile, list } from "../data/folder.ts"
import { openData } from "../data/layouts/index.ts"
import { kFolds, type Split, splitCases } from "../data/split.ts"
import { loadSplit, saveSplit } from "../data/splitFile.ts"
import { type DataFlags, dataOptionsOf, recordedData } from "../dataFlags.ts"
import { measureOptionsOf } from "../evaluation/measured.ts"
import type { EvaluationSettings } from "../evaluation/open.ts"
import { readBytes, writeAtomically } from "../files.ts"
import { exists } from "../training/checkpoint.ts"
import { modelHash } from "../training/identity.ts"
import type { TrainSettings } from "../training/start.ts"
import { overridden } from "../trainingOptions.ts"
import { splitFile } from "./plan.ts"

/** Checkpoints by arm; `""` is for those that are not named, and an empty path starts from initial values. */
export type ArmWeights = Readonly<Record<string, string>>

/** What is the same in all jobs, and how they are measured. */
export interface StudySettings
  extends DataFlags,
    Pick<TrainSettings, "target" | "epochs" | "batch" | "accumulate" | "memory" | "checkpointEvery" | "inputSize">,
    Pick<EvaluationSettings, "hd95" | "empty" | "tolerance" | "background"> {
  readonly data: string
  readonly out: string
  /** A saved split, or a folder of fold-1.json, fold-2.json …. Left out: the data set's own, or by seed 0. */
  readonly split?: string
  readonly weights?: ArmWeights
}

export interface OpenStudy {
  readonly name: string
  /** The spec's path, to which `#export` is added. */
  readonly spec: string
  readonly study: StudyData
  readonly settings: StudySettings
  /** By export. */
  readonly models: ReadonlyMap<string, CompiledModel>
  /** How each arm is trained, by its name, settings included. */
  readonly options: ReadonlyMap<string, TrainingOptions>
  readonly cases: readonly Case[]
  readonly splits: readonly Split[]
  /** From where the splits are. */
  readonly splitBy: string
  readonly warnings: Diagnostics | readonly []
}

const pick = async (given: string, inputSize: Pair | undefined) => {
  const { path, name } = splitSpec(given)
  const { specs, models, report } = await compileSpecs([path], inputSize === undefined ? {} : { inputSize })
  const errors = report.diagnostics.filter(({ severity }) => severity === "error")
  if (errors.length > 0) throw new Failed(errors as unknown as Diagnostics)
  const [spec] = specs
  const studies = spec?.studies ?? []
  const found =
    name === undefined ? (studies.length === 1 ? studies[0] : undefined) : studies.find((one) => one.name === name)
  if (found?.study === undefined) {
    const names = studies.map((one) => one.name)
    const message =
      names.length === 0
        ? "the spec exports no study"
        : name === undefined
          ? `the spec has several studies: ${names.join(", ")}`
          : `the spec exports no study '${name}'`
    const help =
      names.length === 0
        ? "Export one: export const compared = study({ trainings: [ … ] })."
        : `Choose one: ${path}#${names[0]}`
    throw new Failed([aboutFile(path, "HS5340", message, help)])
  }
  const warnings = report.diagnostics.filter(({ code }) => code === "HS1061")
  return { spec: path, name: found.name, study: found.study, trainings: spec!.trainings, models, warnings }
}

const bare = ({ kind: _, model: __, at: ___, ...options }: Training): TrainingOptions => options

/** Throws HS5002 for weights of an arm that is not there. */
const demandArms = (weights: ArmWeights | undefined, arms: readonly ArmData[]): void => {
  const unknown = Object.keys(weights ?? {}).find((name) => name !== "" && !arms.some((arm) => arm.name === name))
  if (unknown !== undefined)
    throw failed(
      "--weights",
      "HS5002",
      `the study compares no '${unknown}'`,
      `It compares ${arms.map(({ name }) => name).join(", ")}.`,
    )
}

/** Compiles and reads; writes nothing. Throws the errors of spec and data, HS5340, HS5002. */
export const openStudy = async (given: string, settings: StudySettings): Promise<OpenStudy> => {
  const { spec, name, study, trainings, models, warnings } = await pick(given, settings.inputSize)
  demandArms(settings.weights, study.arms)
  const byName = new Map(models.map((model) => [model.name, model]))
  const all = [...study.arms, ...study.prompts.flatMap((one) => (one.kind === "automatic" ? [one.localizer] : []))]
  const options = new Map(
    all.map((arm) => {
      const { data } = byName.get(arm.model)!
      const training = trainings.find((one) => one.name === arm.of)?.training
      const { epochs, batch, accumulate } = settings
      const said = {
        ...(epochs === undefined ? {} : { epochs }),
        ...(batch === undefined ? {} : { batch }),
        ...(accumulate === undefined ? {} : { accumulate }),
      }
      return [arm.name, overridden(training === undefined ? defaultsFor(data) : bare(training), said, data)] as const
    }),
  )
  const { cases: found, folds: official } = await openData(settings.data, dataOptionsOf(settings))
  await demandApart(settings.out, settings.data, found)
  for (const { data } of models) demandForeground(data, settings.class)
  const { splits, by } = await splitsOf(study, settings, found, official)
  return {
    name,
    spec,
    study,
    settings,
    models: byName,
    options,
    cases: found,
    splits,
    splitBy: by,
    warnings: warnings as [],
  }
}

const splitsOf = async (
  { folds }: StudyData,
  settings: StudySettings,
  found: readonly Case[],
  official: readonly Folds[] = [],
): Promise<{ readonly splits: readonly Split[]; readonly by: string }> => {
  const { split, data, out } = settings
  const others = (n: number) =>
    failed(
      "--split",
      "HS5002",
      `there are ${n} splits, and the study has ${folds === 1 ? "one fold" : `${folds} folds`}`,
      folds === 1 ? "Give the file of one split." : `Write them with hasam data split --folds ${folds}.`,
    )
  if (split !== undefined) {
    const single = await isFile(split)
    const files = single ? [split] : await foldFiles(split)
    if (files.length !== folds) throw others(files.length)
    return { splits: await Promise.all(files.map((file) => loadSplit(file, found))), by: split }
  }
  const own = official.find(({ splits }) => splits.length === folds)
  if (folds > 1 && own !== undefined) return { splits: own.splits, by: `the data set's own ${own.name}` }
  const before = await begunSplits(out, folds, found)
  if (before !== undefined) return { splits: before, by: "seed 0" }
  // Reads every image, once for all jobs: they find the splits in the study's folder.
  const { cases } = await withCopies(found, dataOptionsOf(settings))
  return {
    splits: folds === 1 ? [splitCases(cases, { root: data })] : kFolds(cases, folds, { root: data }),
    by: "seed 0",
  }
}

/** The splits of a study that has begun, where they are of just these cases. */
const begunSplits = async (
  out: string,
  folds: number,
  cases: readonly Case[],
): Promise<readonly Split[] | undefined> => {
  const files = Array.from({ length: folds }, (_, i) => splitFile(out, folds, i + 1))
  if (!(await Promise.all(files.map(exists))).every(Boolean)) return undefined
  const splits = await Promise.all(files.map((file) => loadSplit(file, cases).catch(() => undefined)))
  const whole = splits.filter((split) => split !== undefined)
  const isOfThese = whole.every(
    ({ seed, train, validation, test }) =>
      seed === 0 && train.length + validation.length + test.length === cases.length,
  )
  return whole.length === folds && isOfThese ? whole : undefined
}

const foldFiles = async (folder: string): Promise<readonly string[]> =>
  (await list(folder)).files
    .filter((name) => /^fold-\d+\.json$/.test(name))
    .toSorted((a, b) => a.length - b.length || byText(a, b))
    .map((name) => join(folder, name))

const digest = (value: unknown): string => createHash("sha256").update(JSON.stringify(value)).digest("hex")

/** What every job depends on, arm by arm: seeds, folds, rates and prompts may be added to a study that was begun. */
const identityOf = ({ study, settings, models, options, splits }: OpenStudy): Readonly<Record<string, string>> => ({
  data: resolve(settings.data),
  splits: digest(splits),
  reading: digest([
    settings.class ?? null,
    recordedData(settings),
    settings.inputSize ?? null,
    settings.target ?? "cpu",
  ]),
  measures: digest(measureOptionsOf(settings)),
  ...Object.fromEntries(
    study.arms.map((arm) => {
      const weights = settings.weights?.[arm.name] ?? settings.weights?.[""] ?? ""
      const path = weights === "" ? null : resolve(weights)
      return [`arm ${arm.name}`, digest([modelHash(models.get(arm.model)!.data), options.get(arm.name), path])]
    }),
  ),
})

/** The folder is the study's, from here on, and has its splits. Any number of processes may do so at once. Throws HS5341. */
export const prepareFolder = async (opened: OpenStudy): Promise<void> => {
  const { settings, study, splits, cases } = opened
  const path = join(settings.out, "study.json")
  const identity = identityOf(opened)
  if (await exists(path)) {
    const before = parse((await readBytes(path)).toString("utf8"))
    const other = Object.keys(identity).filter((key) => key in before && before[key] !== identity[key])
    if (other.length > 0)
      throw failed(
        settings.out,
        "HS5341",
        `the folder holds a study with other ${other.map((key) => key.replace(/^arm (.*)$/, "'$1'")).join(", ")}`,
        "Give another --out, or what the study was begun with.",
      )
    Object.assign(identity, { ...before, ...identity })
  }
  for (const [i, split] of splits.entries()) {
    const file = splitFile(settings.out, study.folds, i + 1)
    if (!(await exists(file))) await saveSplit(file, split, { root: settings.data, cases })
  }
  await writeAtomically(path, `${JSON.stringify(identity, undefined, 1)}\n`)
}

const parse = (text: string): Readonly<Record<string, unknown>> => {
  try {
    return Object(JSON.parse(text))
  } catch {
    return {}
  }
}
