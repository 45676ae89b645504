import { basename, join, resolve } from "node:path"
import cliProgress from "cli-progress"
import { failed } from "../../compiler/diagnostic.ts"
import { exact } from "../../compiler/report/units.ts"
import type { Taught } from "../../dsl/task.ts"
import type { Precision } from "../../dsl/training.ts"
import { modelWeights } from "../../runtime/base.ts"
import { csvText } from "../../runtime/data/csv.ts"
import type { Mask } from "../../runtime/data/raster.ts"
import { reader, type Sample } from "../../runtime/data/reader.ts"
import { locate, measure } from "../../runtime/evaluation/cases.ts"
import { writeAtomically } from "../../runtime/files.ts"
import { type Results, resultsCsv, saveResults, summaries } from "../../runtime/metrics/results.ts"
import { conventions, type MetricOptions } from "../../runtime/metrics/segmentation.ts"
import { withAdapters } from "../../runtime/run/adapters.ts"
import { classesTaught, isAsked, pixelsOf, taughtOf, teachesCentres } from "../../runtime/task/index.ts"
import { exists, files, readRun } from "../../runtime/training/checkpoint.ts"
import { predictor } from "../../runtime/training/predict.ts"
import { say, talk } from "../output.ts"
import { inputSizeOf, selectModel } from "../select.ts"
import { demandEngine, engineFor } from "../targets/index.ts"
import { askable, unitOf } from "../trainingData.ts"
import {
  type DataFlags,
  dataFlagsOf,
  dataOptionsOf,
  openPart,
  type PromptName,
  pointsOf,
  promptOf,
} from "../trainingOptions.ts"

interface EvalFlags extends DataFlags {
  readonly data?: string
  readonly part?: "train" | "validation" | "test" | "all"
  readonly weights?: string
  readonly adapters?: string
  readonly target: string
  readonly precision?: Precision
  readonly out?: string
  readonly split?: string
  readonly prompt?: PromptName
  readonly points?: string
  readonly savePoints?: string
  readonly hd95: "pooled" | "larger"
  readonly empty: "diagonal" | "exclude"
  readonly seed?: number
  readonly figures?: boolean
  readonly histograms?: readonly number[]
  readonly json?: boolean
}

/** Where spec, data, weights and split come from: a run's folder says it all, options say otherwise. */
const subjectOf = async (subject: string, flags: EvalFlags) => {
  const folder = resolve(subject)
  const isRun = await exists(join(folder, files.run))
  const run = isRun ? await readRun(folder) : undefined
  const spec = run === undefined ? subject : `${run.spec.split("#")[0]}#${run.name}`
  const inputSize = inputSizeOf(run?.options["inputSize"])
  const selected = await selectModel(spec, inputSize === undefined ? {} : { inputSize })
  const data = flags.data ?? run?.data
  if (data === undefined)
    throw failed(subject, "HS5002", "there is no data to evaluate on", "Give --data DIR; a run's folder knows its own.")
  if (run !== undefined && flags.seed !== undefined)
    throw failed("--seed", "HS5002", "--seed does nothing for a run: it has its own", "Leave --seed out.")
  const otherData = flags.data !== undefined && run !== undefined && resolve(flags.data) !== run.data
  return {
    selected,
    data,
    otherData,
    weights: flags.weights ?? run?.weights ?? undefined,
    adapters: flags.adapters ?? (isRun ? join(folder, files.best) : undefined),
    split: flags.split ?? (isRun && !otherData ? join(folder, files.split) : undefined),
    out: flags.out ?? (isRun ? folder : undefined),
    seed: Number(run?.options["seed"] ?? flags.seed ?? 0),
    dataFlags: dataFlagsOf(run?.options ?? {}, flags),
    points: typeof run?.options["points"] === "string" ? run.options["points"] : undefined,
    options: (run?.options ?? selected.options) as typeof selected.options,
  }
}

/** A localizer gives points and others masks: what is asked of the one means nothing for the other. */
const demandMeaning = (flags: EvalFlags, { kind }: Taught): void => {
  const idle = (option: string, of: string) =>
    failed(option, "HS5002", `${option} does nothing for a model that gives ${of}`, `Leave ${option} out.`)
  if (kind !== "point" && flags.savePoints !== undefined) throw idle("--save-points", "masks")
  if (kind === "point" && flags.figures) throw idle("--figures", "points")
  if (kind === "point" && flags.histograms !== undefined) throw idle("--histograms", "points")
}

const textOf = (results: Results): string => {
  const { dice, iou, hd95 } = summaries(results)
  const line = (label: string, { mean, sd }: { mean: number; sd: number }, factor: number, unit: string) =>
    `  ${label.padEnd(6)}${(factor * mean).toFixed(2).padStart(8)} ± ${(factor * sd).toFixed(2)} ${unit}`
  const measured = hd95.n < results.cases.length ? ` (of ${hd95.n} cases)` : ""
  return [
    `${results.model} on ${results.dataset}: ${results.cases.length} cases, ${exact(results.trainable ?? 0)} parameters learn`,
    line("Dice", dice, 100, "%"),
    line("IoU", iou, 100, "%"),
    line("HD95", hd95, 1, `${results.unit}${measured}`),
    ...Object.entries(results.conventions).map(([name, text]) => `  ${name}: ${text}`),
  ].join("\n")
}

/** hasam eval RUN | SPEC */
export const evaluate = async (subject: string, flags: EvalFlags): Promise<void> => {
  demandEngine(flags.target)
  const options: MetricOptions = { hausdorff: flags.hd95, empty: flags.empty }
  const from = await subjectOf(subject, flags)
  if ((flags.figures || flags.histograms !== undefined) && from.out === undefined)
    throw failed(subject, "HS5002", "there is no folder for figures", "Give --out DIR; a run has its own.")
  const { data: model, report } = from.selected.model
  // A block that is not there is told before anything is evaluated.
  if (flags.histograms !== undefined)
    (await import("../../runtime/evaluation/blocks.ts")).blockProgram(model, flags.histograms)
  const dataOptions = dataOptionsOf(from.dataFlags)
  const prompt = promptOf(flags.prompt, from.options.prompt, model)
  const asksFile = prompt.kind === "file" || prompt.kind === "localizer"
  const points = await pointsOf(flags.points ?? (asksFile ? from.points : undefined), prompt)
  const opened = await openPart(from.data, dataOptions, { ...from, part: flags.part })
  const { part } = opened
  if (opened.note !== undefined) talk(`note: ${opened.note}`)
  const samples = reader({
    ...dataOptions,
    pixels: pixelsOf(model),
    centres: teachesCentres(model),
    labels: classesTaught(model),
    seed: from.seed,
    prompt,
    ...(points === undefined ? {} : { points }),
  })
  const [, taught] = taughtOf(model)
  demandMeaning(flags, taught)
  // A prompt from outside can be given for an image without foreground, too: what is found there is false.
  const kept = await askable(
    samples,
    opened.chosen.filter(({ id }) => taught.kind === "point" || points?.has(id) !== true),
    model,
    prompt,
    part === "all" ? "" : part,
  )
  const asked = new Set(kept.map(({ id }) => id))
  const cases = opened.chosen.filter(({ id }) => asked.has(id) || (taught.kind !== "point" && points?.has(id) === true))
  if (cases.length === 0)
    throw failed(
      from.data,
      "HS5330",
      `there is nothing to evaluate: the masks of all ${opened.chosen.length} images are empty, and prompts are taken from them`,
      "Give the points with --prompt file --points FILE; then what is found where nothing is counts.",
    )
  const unit = unitOf(from.data, cases)

  const precision = { precision: flags.precision ?? from.options.precision }
  const { tensors, notes } = await modelWeights(model, from.weights, from.seed)
  for (const note of notes) talk(`note: ${note}`)
  const weights = from.adapters === undefined ? tensors : await withAdapters(model, tensors, from.adapters)
  const segmenter = await predictor(await engineFor(flags.target, precision), model, weights, prompt)
  const bar = new cliProgress.SingleBar({
    stream: process.stderr,
    format: "{bar} {value}/{total}  {eta_formatted} left",
    hideCursor: true,
    clearOnComplete: true,
  })
  if (process.stderr.isTTY) bar.start(cases.length, 0)
  const counted = {
    predict: async (sample: Sample) => {
      bar.increment()
      return segmenter.predict(sample)
    },
  }
  try {
    if (taught.kind === "point") {
      const located = await locate(counted, samples.evaluation(cases))
      const hits = located.filter(({ hit }) => hit).length
      if (flags.json) say(JSON.stringify({ model: report.name, points: located.length, hits }, null, 2))
      else
        say(
          `${report.name}: ${hits} of ${located.length} points lie inside the mask (${((100 * hits) / Math.max(1, located.length)).toFixed(2)} %)`,
        )
      if (flags.savePoints !== undefined) {
        const everywhere = await locate(segmenter, samples.evaluation(opened.cases))
        await writeAtomically(
          flags.savePoints,
          csvText(
            ["id", "x", "y"],
            everywhere.map(({ id, x, y }) => [id, x, y]),
          ),
        )
        talk(`wrote ${everywhere.length} points to ${flags.savePoints}`)
      }
      return
    }
    const rows: { sample: Sample; mask: Mask }[] = []
    const measured = await measure(counted, samples.evaluation(cases), taught, options, (sample, mask) => {
      if (flags.figures && rows.length < 12) rows.push({ sample, mask })
    })
    const results: Results = {
      model: report.name,
      dataset: basename(resolve(from.data)),
      trainable: report.trainable,
      unit,
      conventions: { ...conventions(options), ...(isAsked(model, prompt) ? { prompt: prompt.kind } : {}), part },
      cases: measured,
    }
    say(flags.json ? JSON.stringify({ ...results, summaries: summaries(results) }, null, 2) : textOf(results))
    if (from.out !== undefined) {
      await writeAtomically(join(from.out, "cases.csv"), resultsCsv(results))
      await saveResults(join(from.out, "results.json"), results)
      if (flags.figures) {
        const { sheet } = await import("../../runtime/figures/sheet.ts")
        const sheetRows = rows.map(({ sample, mask }) => ({
          sample,
          masks: { [report.name]: mask },
        }))
        await writeAtomically(join(from.out, "sheet.png"), await sheet(sheetRows))
      }
      if (flags.histograms !== undefined) {
        const { blockValues, saveBlocks } = await import("../../runtime/evaluation/blocks.ts")
        const { blockHistograms } = await import("../../runtime/figures/histograms.ts")
        const backend = await engineFor(flags.target, precision)
        const again = samples.evaluation(cases)
        const values = await blockValues(backend, model, weights, flags.histograms, again, prompt, cases.length)
        await saveBlocks(from.out, values)
        await writeAtomically(join(from.out, "blocks.svg"), await blockHistograms([[report.name, values]]))
      }
    }
  } finally {
    bar.stop()
    await segmenter.dispose()
  }
}
