/** Models beside one another, as the paper's Table 1: means, the best of each column, and what differs significantly from the reference. */
import { failed } from "../../compiler/diagnostic.ts"
import { type MetricName, metricNames, type Results, summaries, valuesOf } from "./results.ts"
import { holm, intervalWords, paired, type Summary, welch, wilcoxon } from "./statistics.ts"

export type SignificanceTest = "welch" | "paired" | "wilcoxon"

export interface ComparisonOptions {
  /** The model that the others are tested against; the last one where it is not said, as in the paper. */
  readonly reference?: string
  /** The paper's is a two-sample t-test: Welch's. The others compare case by case and see smaller differences. */
  readonly test?: SignificanceTest | "untested"
  /** Over the models of a column. The paper corrects nothing. */
  readonly correction?: "none" | "holm"
  readonly alpha?: number
}

export interface Cell extends Summary {
  /** Against the reference, corrected where that was asked for; undefined for the reference itself. NaN where nothing differs. */
  readonly p?: number
  /** p < alpha. */
  readonly significant: boolean
  /** No other model's mean is better. */
  readonly best: boolean
}

export interface Comparison {
  readonly datasets: readonly { readonly name: string; readonly unit: Results["unit"] }[]
  readonly rows: readonly {
    readonly model: string
    readonly trainable?: number | undefined
    /** By data set; undefined where the model was not tested on it. */
    readonly cells: readonly (Readonly<Record<MetricName, Cell>> | undefined)[]
  }[]
  readonly reference: string
  readonly test: SignificanceTest | "untested"
  readonly correction: "none" | "holm"
  readonly alpha: number
  /** Sentences on how it was measured and tested. */
  readonly notes: readonly string[]
}

const testNames: { readonly [K in SignificanceTest]: string } = {
  welch: "Welch's two-sample t-test",
  paired: "paired t-test",
  wilcoxon: "Wilcoxon's signed-rank test",
}

const isBetter: { readonly [K in MetricName]: (a: number, b: number) => boolean } = {
  dice: (a, b) => a > b,
  iou: (a, b) => a > b,
  hd95: (a, b) => a < b,
  nsd: (a, b) => a > b,
}

const unique = <A>(items: readonly A[]): readonly A[] => [...new Set(items)]

/** Values of the cases that both have, side by side. */
const sideBySide = (a: Results, b: Results, metric: MetricName): readonly [readonly number[], readonly number[]] => {
  const other = new Map(b.cases.map((one) => [one.id, one[metric]]))
  const both = a.cases.flatMap((one) => {
    const [x, y] = [one[metric], other.get(one.id)]
    return x === undefined || y === undefined ? [] : [[x, y] as const]
  })
  return [both.map(([x]) => x), both.map(([, y]) => y)]
}

const pOf = (test: SignificanceTest, a: Results, b: Results, metric: MetricName): number => {
  if (test === "welch") return welch(valuesOf(a, metric), valuesOf(b, metric)).p
  const [x, y] = sideBySide(a, b, metric)
  return test === "paired" ? paired(x, y).p : wilcoxon(x, y).p
}

const bothKnow = (a: Results, b: Results): boolean => "nsd" in a.conventions && "nsd" in b.conventions

/** Throws HS4501 for results that cannot be tested against one another. */
const checked = (one: Results, reference: Results, test: SignificanceTest): void => {
  const name = `${one.model} and ${reference.model} on ${one.dataset}`
  const stop = (message: string) =>
    failed("", "HS4501", message, "Evaluate both on the same split of the same data, with the same conventions.")
  if (one.unit !== reference.unit) throw stop(`${name}: HD95 in ${one.unit} and in ${reference.unit}`)
  const differing = unique([...Object.keys(one.conventions), ...Object.keys(reference.conventions)]).filter(
    (key) =>
      (["hd95", "surface"].includes(key) && one.conventions[key] !== reference.conventions[key]) ||
      // Results of before NSD say nothing of it.
      (["nsd", "empty"].includes(key) &&
        bothKnow(one, reference) &&
        one.conventions[key] !== reference.conventions[key]),
  )
  if (differing.length > 0) throw stop(`${name} were measured differently: ${differing.join(", ")}`)
  if (Math.min(one.cases.length, reference.cases.length) < 2) throw stop(`${name}: a test needs at least two cases`)
  const ids = new Set(reference.cases.map(({ id }) => id))
  if (test !== "welch" && (ids.size !== one.cases.length || one.cases.some(({ id }) => !ids.has(id))))
    throw stop(`${name} are not of the same cases, which the ${testNames[test]} needs`)
}

const titles: { readonly [K in MetricName]: string } = { dice: "Dice", iou: "IoU", hd95: "HD95", nsd: "NSD" }

/** Where the numbers show no difference, the table says so: an empty column of asterisks is too easily not seen. */
const undecided = (
  dataset: string,
  columns: Readonly<Record<MetricName, readonly (Cell | undefined)[]>>,
  reference: string,
): readonly string[] => {
  const tested = metricNames.filter((metric) => columns[metric].some((cell) => cell?.p !== undefined && cell.n > 1))
  const without = tested.filter((metric) => !columns[metric].some((cell) => cell?.significant))
  if (without.length === 0) return []
  const n = Math.max(...columns.dice.map((cell) => cell?.n ?? 0))
  const what =
    without.length === metricNames.length ? "any measure" : without.map((metric) => titles[metric]).join(", ")
  return [
    `${dataset}: no difference from ${reference} is shown in ${what} by ${n} cases; that there is none is not shown either`,
  ]
}

/** Throws HS4501. */
export const compareResults = (all: readonly Results[], options: ComparisonOptions = {}): Comparison => {
  const { test = "welch", correction = "none", alpha = 0.05 } = options
  const models = unique(all.map(({ model }) => model))
  const reference = options.reference ?? models.at(-1) ?? ""
  if (!models.includes(reference))
    throw failed(
      "",
      "HS4501",
      `there are no results of '${reference}'`,
      `Results are of ${models.join(", ") || "nothing"}.`,
    )
  const datasets = unique(all.map(({ dataset }) => dataset))
  const find = (model: string, dataset: string) => all.find((one) => one.model === model && one.dataset === dataset)

  const summarised = new Map(all.map((one) => [one, summaries(one)]))
  /** One column of the table: a cell for each model. */
  const column = (dataset: string, metric: MetricName): readonly (Cell | undefined)[] => {
    const results = models.map((model) => find(model, dataset))
    const against = find(reference, dataset)
    const raw = results.map((one) => {
      if (test === "untested" || one === undefined || against === undefined || one === against) return undefined
      checked(one, against, test)
      return pOf(test, one, against, metric)
    })
    const known = raw.filter((p) => p !== undefined && !Number.isNaN(p)) as readonly number[]
    const corrected = correction === "holm" ? holm(known) : known
    let next = 0
    const means = results.map((one) => (one === undefined ? undefined : summarised.get(one)![metric].mean))
    return results.map((one, i) => {
      if (one === undefined) return undefined
      const p = raw[i] === undefined || Number.isNaN(raw[i]) ? raw[i] : corrected[next++]
      const best = means.every(
        (other) => other === undefined || Number.isNaN(other) || !isBetter[metric](other, means[i]!),
      )
      return {
        ...summarised.get(one)![metric],
        best,
        significant: p !== undefined && p < alpha,
        ...(p === undefined ? {} : { p }),
      }
    })
  }

  const columns = datasets.map((dataset) => ({
    dice: column(dataset, "dice"),
    iou: column(dataset, "iou"),
    hd95: column(dataset, "hd95"),
    nsd: column(dataset, "nsd"),
  }))
  const conventions = unique(
    all.flatMap((one) => Object.entries(one.conventions).map(([key, text]) => `${key}: ${text}`)),
  )
  return {
    datasets: datasets.map((name) => ({ name, unit: all.find(({ dataset }) => dataset === name)!.unit })),
    rows: models.map((model, row) => ({
      model,
      trainable: all.find((one) => one.model === model)?.trainable,
      cells: columns.map((cells) =>
        cells.dice[row] === undefined
          ? undefined
          : (Object.fromEntries(metricNames.map((metric) => [metric, cells[metric][row]])) as Record<MetricName, Cell>),
      ),
    })),
    reference,
    test,
    correction,
    alpha,
    notes: [
      ...(test === "untested"
        ? []
        : [
            `* differs from ${reference} with p < ${alpha} (${testNames[test]}${correction === "holm" ? ", Holm's correction over the models of a column" : ", not corrected"})`,
          ]),
      ...datasets.flatMap((dataset, i) => undecided(dataset, columns[i]!, reference)),
      `[ ]: ${intervalWords}`,
      ...conventions,
    ],
  }
}
