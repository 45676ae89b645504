import { join, relative } from "node:path"
import cliProgress from "cli-progress"
import { failed } from "../../compiler/diagnostic.ts"
import { counted } from "../../compiler/report/units.ts"
import type { Taught } from "../../dsl/task.ts"
import { csvText } from "../../runtime/data/csv.ts"
import type { Mask } from "../../runtime/data/raster.ts"
import type { Sample } from "../../runtime/data/reader.ts"
import { predictorOf } from "../../runtime/evaluation/asked.ts"
import { locate, measure } from "../../runtime/evaluation/cases.ts"
import { measureOptionsOf, resultsOf, saveEvaluation } from "../../runtime/evaluation/measured.ts"
import { type EvaluationSettings, openEvaluation } from "../../runtime/evaluation/open.ts"
import { writeAtomically } from "../../runtime/files.ts"
import { classesOf, ofClass, type Results, summaries } from "../../runtime/metrics/results.ts"
import { intervalWords, type Summary } from "../../runtime/metrics/statistics.ts"
import { taughtOf } from "../../runtime/task/index.ts"
import { say, talk, tell } from "../output.ts"
import { demandEngine, engineFor } from "../targets/index.ts"

interface EvalFlags extends EvaluationSettings {
  readonly target: string
  readonly savePoints?: string
  readonly figures?: boolean
  readonly histograms?: readonly number[]
  readonly json?: boolean
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
  const lines = (of: Results): readonly string[] => {
    const { dice, iou, hd95, nsd } = summaries(of)
    const line = (label: string, { mean, sd, interval }: Summary, factor: number, unit: string) => {
      const [low, high] = interval.map((bound) => (factor * bound).toFixed(2))
      // Of a single case there is no deviation, of a single patient no interval.
      const deviation = Number.isNaN(sd) ? "" : ` ± ${(factor * sd).toFixed(2)}`
      const between = Number.isNaN(interval[0]) ? "" : `  [${low}, ${high}]`
      return `  ${label.padEnd(6)}${(factor * mean).toFixed(2).padStart(8)}${deviation} ${unit}${between}`
    }
    const measured = hd95.n < of.cases.length ? ` (of ${counted(hd95.n, "case")})` : ""
    return [
      line("Dice", dice, 100, "%"),
      line("IoU", iou, 100, "%"),
      line("HD95", hd95, 1, `${of.unit}${measured}`),
      line("NSD", nsd, 100, "%"),
    ]
  }
  const classes = classesOf(results)
  return [
    `${results.model} on ${results.dataset}: ${counted(results.cases.length, "case")}, ${counted(results.trainable ?? 0, "parameter learns", "parameters learn")}`,
    ...lines(results),
    ...(classes.length < 2 ? [] : classes.flatMap((name) => [` ${name}`, ...lines(ofClass(results, name))])),
    `  [ ]: ${intervalWords}`,
    ...Object.entries(results.conventions).map(([name, text]) => `  ${name}: ${text}`),
  ].join("\n")
}

/** hasam eval RUN | SPEC */
export const evaluate = async (subject: string, flags: EvalFlags): Promise<void> => {
  demandEngine(flags.target)
  // A block that is not there is told before anything is evaluated.
  const { blockProgram } = await import("../../runtime/evaluation/blocks.ts")
  const evaluation = await openEvaluation(subject, flags, tell, (model, out) => {
    if ((flags.figures || flags.histograms !== undefined) && out === undefined)
      throw failed(subject, "HS5002", "there is no folder for figures", "Give --out DIR; a run has its own.")
    demandMeaning(flags, taughtOf(model)[1])
    if (flags.histograms !== undefined) blockProgram(model, flags.histograms)
  })
  const { from, model, report, opened, samples, taught, cases, prompt, weights } = evaluation
  const precision = { precision: evaluation.precision, frozen: evaluation.frozen }
  const segmenter = await predictorOf(await engineFor(flags.target, precision), evaluation)
  const bar = new cliProgress.SingleBar({
    stream: process.stderr,
    format: "{bar} {value}/{total}  {eta_formatted} left",
    hideCursor: true,
    clearOnComplete: true,
  })
  if (process.stderr.isTTY) bar.start(cases.length, 0)
  const progressing = {
    predict: async (sample: Sample) => {
      bar.increment()
      return segmenter.predict(sample)
    },
  }
  try {
    if (taught.kind === "point") {
      const located = await locate(progressing, samples.evaluation(cases))
      const hits = located.filter(({ hit }) => hit).length
      if (flags.json) say(JSON.stringify({ model: report.name, points: located.length, hits }, null, 2))
      else
        say(
          `${report.name}: ${hits} of ${counted(located.length, "point")} ${hits === 1 ? "lies" : "lie"} inside the mask (${((100 * hits) / Math.max(1, located.length)).toFixed(2)} %)`,
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
        talk(`wrote ${counted(everywhere.length, "point")} to ${flags.savePoints}`)
      }
      return
    }
    const rows: { sample: Sample; mask: Mask }[] = []
    const measured = await measure(
      progressing,
      samples.evaluation(cases),
      taught,
      measureOptionsOf(flags),
      (sample, mask) => {
        if (flags.figures && rows.length < 12) rows.push({ sample, mask })
      },
    )
    const results = resultsOf(evaluation, flags, measured)
    say(flags.json ? JSON.stringify({ ...results, summaries: summaries(results) }, null, 2) : textOf(results))
    if (from.out !== undefined) {
      if (from.otherData && flags.out === undefined)
        talk(`note: on other data than the run's own: results are in ${relative(process.cwd(), from.out)}`)
      await saveEvaluation(from.out, results)
      if (flags.figures) {
        const { sheet } = await import("../../runtime/figures/sheet.ts")
        const sheetRows = rows.map(({ sample, mask }) => ({
          sample,
          masks: { [report.name]: mask },
        }))
        await writeAtomically(
          join(from.out, "sheet.png"),
          await sheet(sheetRows, taught.kind === "classes" ? { classes: taught.names.length - 1 } : {}),
        )
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
