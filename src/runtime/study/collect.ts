/** From the runs' results to one value a case and model: the mean over the runs that tested it. */
import { join } from "node:path"
import { mean } from "simple-statistics"
import type { ArmData } from "../../compiler/frontend/study.ts"
import { type CaseResult, loadResults, type Results, summaries } from "../metrics/results.ts"
import type { Metrics } from "../metrics/segmentation.ts"
import { readLog } from "../training/checkpoint.ts"
import { conditionsFor } from "./job.ts"
import type { OpenStudy } from "./open.ts"
import { type Condition, conditionsOf, fractionTitle, type Job, jobsOf, runFolder } from "./plan.ts"

/** One run as a study sees it, under one condition. */
export interface Tested {
  readonly job: Job
  readonly condition: Condition
  readonly results: Results
}

/** A model under one condition, over all of its runs. */
export interface Merged {
  readonly arm: ArmData
  readonly runs: readonly Tested[]
  readonly results: Results
}

/** A column of tables: a share of the images and a prompt. */
export interface Column {
  readonly title: string
  readonly fraction: number
  readonly condition: Condition
  readonly models: readonly Merged[]
}

export interface Collected {
  readonly columns: readonly Column[]
  /** The rate that the validation images chose, by arm and fraction, where several were tried. */
  readonly chosen: readonly {
    readonly arm: string
    readonly fraction: number
    readonly rate: number
    readonly validation: number
  }[]
}

/** The best validation that a run had; −∞ where it had none. */
const validationOf = async (folder: string): Promise<number> => {
  const entries = await readLog(folder, Number.POSITIVE_INFINITY)
  const values = entries.flatMap(({ validation }) => (typeof validation === "number" ? [validation] : []))
  return Math.max(Number.NEGATIVE_INFINITY, ...values)
}

const meanOf = (values: readonly (number | undefined)[]): number | undefined => {
  const known = values.filter((value) => value !== undefined)
  return known.length === 0 ? undefined : mean([...known])
}

const meanMetrics = (all: readonly Metrics[]): Metrics => {
  const [hd95, nsd] = [meanOf(all.map((one) => one.hd95)), meanOf(all.map((one) => one.nsd))]
  return {
    dice: mean(all.map(({ dice }) => dice)),
    iou: mean(all.map(({ iou }) => iou)),
    ...(hd95 === undefined ? {} : { hd95 }),
    ...(nsd === undefined ? {} : { nsd }),
  }
}

/** Each case once, with its mean over the runs. */
export const mergedCases = (runs: readonly Pick<Results, "cases">[]): readonly CaseResult[] => {
  const byCase = new Map<string, CaseResult[]>()
  for (const { cases } of runs) for (const one of cases) byCase.set(one.id, [...(byCase.get(one.id) ?? []), one])
  return [...byCase.keys()].sort().map((id) => {
    const all = byCase.get(id)!
    const [{ subject, class: group, classes }] = all as [CaseResult]
    const names = Object.keys(classes ?? {})
    const ofClass = (name: string) => all.flatMap((one) => one.classes?.[name] ?? [])
    return {
      id,
      ...(subject === undefined ? {} : { subject }),
      ...(group === undefined ? {} : { class: group }),
      ...meanMetrics(all),
      ...(names.length === 0
        ? {}
        : { classes: Object.fromEntries(names.map((name) => [name, meanMetrics(ofClass(name))])) }),
    }
  })
}

const rateOf = async (opened: OpenStudy, jobs: readonly Job[], arm: ArmData, fraction: number) => {
  const { rates } = opened.study
  if (rates.length < 2 || !arm.trained) return undefined
  const tried: { readonly rate: number; readonly validation: number }[] = []
  for (const rate of rates) {
    const runs = jobs.filter((job) => job.arm === arm && job.fraction === fraction && job.rate === rate)
    const values = await Promise.all(runs.map((job) => validationOf(runFolder(opened.settings.out, job))))
    tried.push({ rate, validation: mean(values) })
  }
  return tried.reduce((a, b) => (b.validation > a.validation ? b : a))
}

/** Of a study whose jobs are done. Throws HS4002 and HS4501 for results that are not there. */
export const collect = async (opened: OpenStudy): Promise<Collected> => {
  const { study, settings } = opened
  const jobs = jobsOf(study).filter(({ localizes }) => !localizes)
  const asked = new Set(study.prompts.map(({ kind }) => kind))
  const conditions = conditionsOf(study).filter(({ prompt }) => asked.has(prompt.kind))
  const chosen: Collected["chosen"][number][] = []
  const columns: Column[] = []
  for (const fraction of study.fractions) {
    const ofArm = new Map<string, readonly Job[]>()
    for (const arm of study.arms) {
      const best = await rateOf(opened, jobs, arm, fraction)
      if (best !== undefined) chosen.push({ arm: arm.name, fraction, ...best })
      const used = jobs.filter(
        (job) =>
          job.arm === arm &&
          (!arm.trained || job.fraction === fraction) &&
          (best === undefined || job.rate === best.rate),
      )
      ofArm.set(arm.name, used)
    }
    for (const condition of conditions) {
      const models: Merged[] = []
      for (const arm of study.arms) {
        const used = ofArm.get(arm.name)!
        // Who is asked nothing is as good under every prompt; who cannot be asked so has no cell.
        const known = conditionsFor(opened, used[0]!)
        const asks = known.some(({ folder }) => folder === condition.folder)
        const promptless = known.length === 1 && !asks && takesNoPrompt(opened, arm)
        if (!asks && !promptless) continue
        const folder = asks ? condition.folder : "."
        const runs = await Promise.all(
          used.map(async (job) => ({
            job,
            condition,
            results: await loadResults(join(runFolder(settings.out, job), folder, "results.json")),
          })),
        )
        models.push({ arm, runs, results: mergedResults(runs, arm) })
      }
      const parts = [
        ...(study.fractions.length > 1 ? [fractionTitle(fraction)] : []),
        ...(conditions.length > 1 ? [condition.title] : []),
      ]
      const dataset = models[0]?.results.dataset ?? ""
      const title = [dataset, ...parts].join(", ")
      columns.push({
        title,
        fraction,
        condition,
        models: models.map((one) => ({ ...one, results: { ...one.results, dataset: title } })),
      })
    }
  }
  return { columns, chosen }
}

const takesNoPrompt = ({ models }: OpenStudy, arm: ArmData): boolean =>
  !Object.values(models.get(arm.model)!.data.takes).some(({ kind }) => kind === "points" || kind === "box")

const mergedResults = (runs: readonly Tested[], arm: ArmData): Results => {
  const [{ results }] = runs as [Tested]
  // Which prompt a model takes is its own; what all share is printed once.
  const { prompt: _, ...conventions } = results.conventions
  return {
    ...results,
    conventions,
    model: arm.name,
    cases: mergedCases(runs.map((run) => run.results)),
  }
}

/** The means of runs, as if each were a case: how much a training differs from one seed and fold to the next. */
export const asRuns = ({ runs, results, arm }: Merged): Results => ({
  ...results,
  model: arm.name,
  cases: runs.map(({ job, results: one }) => {
    const { dice, iou, hd95, nsd } = summaries(one)
    return {
      id: job.id,
      dice: dice.mean,
      iou: iou.mean,
      ...(hd95.n === 0 ? {} : { hd95: hd95.mean }),
      ...(nsd.n === 0 ? {} : { nsd: nsd.mean }),
    }
  }),
})
