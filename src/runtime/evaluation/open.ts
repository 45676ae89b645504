/** What is to be evaluated, with all that this needs: a run knows its spec, data, weights and split; settings say otherwise. */
import { createHash } from "node:crypto"
import { basename, extname, join, resolve } from "node:path"
import { frozenOf } from "../../compiler/analysis/frozen.ts"
import { failed } from "../../compiler/diagnostic.ts"
import type { ModelData } from "../../dsl/model.ts"
import type { Precision, Storage } from "../../dsl/training.ts"
import { demandApart, demandForeground } from "../apart.ts"
import { modelWeights } from "../base.ts"
import type { Case } from "../data/case.ts"
import { reader } from "../data/reader.ts"
import { type DataFlags, dataFlagsOf, dataOptionsOf } from "../dataFlags.ts"
import type { Tell } from "../events.ts"
import type { MetricOptions, Tolerance } from "../metrics/segmentation.ts"
import { withAdapters } from "../run/adapters.ts"
import { inputSizeOf, type Selected, selectModel, specOfRun } from "../select.ts"
import { classesTaught, pixelsOf, taughtOf, teachesCentres } from "../task/index.ts"
import { exists, files, readRun } from "../training/checkpoint.ts"
import { askable, unitOf } from "../trainingData.ts"
import { openPart, type PromptName, pointsOf, promptOf } from "../trainingOptions.ts"
import { leftOnDisk } from "../weights/onDisk.ts"
import { askedIn, demandAsked } from "./asked.ts"
import { demandUnit, demandUseful } from "./measured.ts"

export interface EvaluationSettings extends DataFlags {
  /** Other data than the run's. */
  readonly data?: string
  /** Default: test, where the data can be split or say it. */
  readonly part?: "train" | "validation" | "test" | "all"
  /** Checkpoint of the base. */
  readonly weights?: string
  /** What training wrote; a run's best by default. */
  readonly adapters?: string
  /** What computes. Default: cpu. */
  readonly target?: string
  readonly precision?: Precision
  /** How frozen weights are kept. Default: as the run was trained. */
  readonly frozen?: Storage
  /** Where results go. */
  readonly out?: string
  /** A saved split. */
  readonly split?: string
  readonly prompt?: PromptName
  /** Points by image, for the prompts `file` and `localizer`; for `file` also points, boxes and masks as `hasam segment --prompts` takes them. */
  readonly points?: string
  /** Of both directions: pooled, as MedPy, or the larger of the two, as MONAI. Default: pooled. */
  readonly hd95?: MetricOptions["hausdorff"]
  /** One mask empty: the image's diagonal, or left out. Default: diagonal. */
  readonly empty?: MetricOptions["empty"]
  /** Of NSD: surfaces this near agree. Default: 2 px. */
  readonly tolerance?: Tolerance
  /** Of a model of classes: the background counts as one. */
  readonly background?: boolean
  /** Prompts from the masks are moved by up to this share of their boxes' sides. */
  readonly jitter?: number
  /** Where no run gives it. */
  readonly seed?: number
}

/** Where spec, data, weights and split come from: a run's folder says it all, options say otherwise. */
const subjectOf = async (subject: string, flags: EvaluationSettings, compiled: Selected | undefined) => {
  const folder = resolve(subject)
  const isRun = await exists(join(folder, files.run))
  const run = isRun ? await readRun(folder) : undefined
  const spec = run === undefined ? subject : specOfRun(run)
  const inputSize = inputSizeOf(run?.options["inputSize"])
  const selected = compiled ?? (await selectModel(spec, inputSize === undefined ? {} : { inputSize }))
  const data = flags.data ?? run?.data
  if (data === undefined)
    throw failed(subject, "HS5002", "there is no data to evaluate on", "Give --data DIR; a run's folder knows its own.")
  if (run !== undefined && flags.seed !== undefined)
    throw failed("--seed", "HS5002", "--seed does nothing for a run: it has its own", "Leave --seed out.")
  const otherData = flags.data !== undefined && run !== undefined && resolve(flags.data) !== run.data
  if (otherData && flags.out !== undefined && resolve(flags.out) === folder)
    throw failed(
      "--out",
      "HS5002",
      "this is the run's folder, whose results are those on its own data",
      `Leave --out out, and they go to ${elsewhere(subject, data)}.`,
    )
  return {
    selected,
    data,
    otherData,
    weights: flags.weights ?? run?.weights ?? undefined,
    adapters: flags.adapters ?? (isRun ? join(folder, files.best) : undefined),
    split: flags.split ?? (isRun && !otherData ? join(folder, files.split) : undefined),
    ...(isRun && flags.split === undefined && !otherData ? { cure: evaluatedElse(data) } : {}),
    out: flags.out ?? (isRun ? (otherData ? elsewhere(folder, data) : folder) : undefined),
    seed: Number(run?.options["seed"] ?? flags.seed ?? 0),
    dataFlags: dataFlagsOf(run?.options ?? {}, flags),
    points: typeof run?.options["points"] === "string" ? run.options["points"] : undefined,
    options: (run?.options ?? selected.options) as typeof selected.options,
  }
}

const evaluatedElse = (data: string): string =>
  `They were renamed or removed in '${data}' since the run began: put them back, or evaluate all that is there with --part all.`

/**
 * Where a run's results on other data go: beside those on its own, which `hasam compare` reads from the run's folder. Folders of one name are told apart by
 * a hash of their paths.
 */
const elsewhere = (run: string, data: string): string => {
  const path = resolve(data)
  const hash = createHash("sha256").update(path).digest("hex").slice(0, 6)
  return join(run, "evaluations", `${basename(path, extname(path))}-${hash}`)
}

/** Everything loaded, nothing computed. Rejects with `Failed`: the errors of spec, data and weights; HS5308, HS5330. `demand` refuses a model before data are read; `compiled` is the model, where it is known already. */
export const openEvaluation = async (
  subject: string,
  flags: EvaluationSettings,
  tell: Tell,
  demand: (model: ModelData, out: string | undefined) => void = () => undefined,
  compiled?: Selected,
) => {
  const from = await subjectOf(subject, flags, compiled)
  const { data: model, report } = from.selected.model
  demand(model, from.out)
  const dataOptions = dataOptionsOf(from.dataFlags)
  const prompt = promptOf(flags.prompt, from.options.prompt, model)
  const [, taught] = taughtOf(model)
  demandUseful(flags, model, prompt, taught)
  demandForeground(model, from.dataFlags.class)
  const asksFile = prompt.kind === "file" || prompt.kind === "localizer"
  const file = flags.points ?? (asksFile ? from.points : undefined)
  const asked = prompt.kind === "file" ? await askedIn(file, model) : undefined
  const points = asked === undefined ? await pointsOf(file, prompt) : undefined
  const isGiven = (one: Case) => asked?.(one) !== undefined || points?.has(one.id) === true
  const opened = await openPart(from.data, dataOptions, { ...from, part: flags.part })
  if (from.out !== undefined) await demandApart(from.out, from.data, opened.chosen)
  const { part } = opened
  if (opened.note !== undefined) tell({ kind: "note", line: `note: ${opened.note}` })
  const samples = reader({
    ...dataOptions,
    pixels: pixelsOf(model),
    centres: teachesCentres(model),
    labels: classesTaught(model),
    seed: from.seed,
    prompt: asked === undefined ? prompt : { kind: "centre" },
    ...(points === undefined ? {} : { points }),
    ...(flags.jitter === undefined ? {} : { jitter: flags.jitter }),
  })
  // A prompt from outside can be given for an image without foreground, too: what is found there is false.
  const kept = await askable(
    samples,
    opened.chosen.filter((one) => taught.kind === "point" || !isGiven(one)),
    model,
    prompt,
    part === "all" ? "" : part,
    tell,
  )
  const asking = new Set(kept.map(({ id }) => id))
  const cases = opened.chosen.filter((one) => asking.has(one.id) || (taught.kind !== "point" && isGiven(one)))
  if (asked !== undefined) await demandAsked(file!, cases, asked)
  if (cases.length === 0)
    throw failed(
      from.data,
      "HS5330",
      `there is nothing to evaluate: the masks of all ${opened.chosen.length} images are empty, and prompts are taken from them`,
      "Give the points with --prompt file --points FILE; then what is found where nothing is counts.",
    )
  const unit = unitOf(from.data, cases)
  demandUnit(flags, unit)

  const precision = flags.precision ?? from.options.precision
  const frozen = frozenOf(model, flags.frozen ?? from.options.frozen)
  const { tensors, notes } = await modelWeights(model, from.weights, from.seed, leftOnDisk(frozen?.names))
  for (const note of notes) tell({ kind: "note", line: `note: ${note}` })
  const weights = from.adapters === undefined ? tensors : await withAdapters(model, tensors, from.adapters)
  const result = { from, model, report, part, opened, samples, taught, cases, unit, prompt, precision, frozen, weights }
  return { ...result, ...(asked === undefined ? {} : { asked }) }
}
export type Evaluation = Awaited<ReturnType<typeof openEvaluation>>
