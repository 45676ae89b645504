/** Distributions of values, as the paper's Figure 4: what comes out of chosen blocks, with and without the hierarchy. */
import type { Tensors } from "../../compiler/ir/graph.ts"
import { chartSvg } from "./chart.ts"

export interface Distribution {
  readonly name: string
  readonly values: ArrayLike<number>
}

export interface Histogram {
  /** One more than there are counts. */
  readonly edges: readonly number[]
  /** A share of each distribution's values for each bin; they sum to 1. */
  readonly shares: readonly { readonly name: string; readonly shares: readonly number[] }[]
  /** Of each distribution, values outside the edges, as a share. */
  readonly outside: readonly number[]
}

/** Common bins, so that distributions can be compared. Without a range, from the 0.1st to the 99.9th percentile of all values together. */
export const histogram = (
  distributions: readonly Distribution[],
  { bins = 60, range }: { readonly bins?: number; readonly range?: readonly [number, number] } = {},
): Histogram => {
  const [low, high] = range ?? centralRange(distributions)
  const width = (high - low) / bins || 1
  const counted = distributions.map(({ name, values }) => {
    const counts = new Array<number>(bins).fill(0)
    let outside = 0
    for (let i = 0; i < values.length; i++) {
      const value = values[i]!
      if (!(value >= low && value <= high)) outside++
      else counts[Math.min(bins - 1, Math.floor((value - low) / width))]!++
    }
    const n = Math.max(1, values.length - outside)
    return { name, shares: counts.map((c) => c / n), outside: outside / Math.max(1, values.length) }
  })
  return {
    edges: Array.from({ length: bins + 1 }, (_, i) => low + i * width),
    shares: counted.map(({ name, shares }) => ({ name, shares })),
    outside: counted.map(({ outside }) => outside),
  }
}

const centralRange = (distributions: readonly Distribution[]): readonly [number, number] => {
  const total = distributions.reduce((n, { values }) => n + values.length, 0)
  const all = new Float64Array(total)
  let at = 0
  for (const { values } of distributions) {
    all.set(values as ArrayLike<number> & Iterable<number>, at)
    at += values.length
  }
  all.sort()
  return total === 0 ? [0, 1] : [all[Math.floor(0.001 * (total - 1))]!, all[Math.ceil(0.999 * (total - 1))]!]
}

/** One panel a block, side by side; outlines over one another, for two to four distributions each. */
export const valueHistograms = (
  title: string,
  panels: readonly { readonly title: string; readonly distributions: readonly Distribution[] }[],
  options: Parameters<typeof histogram>[1] = {},
): Promise<string> => {
  const share = 100 / panels.length
  const counted = panels.map(({ distributions }) => histogram(distributions, options))
  const percent = (x: number) => `${x}%`
  return chartSvg(
    {
      title: [
        { text: title, left: "center", top: 4, textStyle: { fontSize: 15 } },
        ...panels.map((panel, i) => ({
          text: panel.title,
          left: percent((i + 0.5) * share),
          top: 32,
          textAlign: "center" as const,
          textStyle: { fontSize: 12, fontWeight: "normal" as const },
        })),
      ],
      legend: { bottom: 4, itemGap: 24 },
      grid: panels.map((_, i) => ({
        left: percent(i * share + share * 0.14),
        width: percent(share * 0.8),
        top: 60,
        bottom: 76,
      })),
      xAxis: counted.map(({ edges }, i) => ({
        type: "value",
        gridIndex: i,
        min: edges[0]!,
        max: edges.at(-1)!,
        name: "value",
        nameLocation: "middle",
        nameGap: 26,
        axisLabel: { showMinLabel: false, showMaxLabel: false },
        splitLine: { show: false },
      })),
      yAxis: counted.map((_, i) => ({
        type: "value",
        gridIndex: i,
        axisLine: { show: true, onZero: false },
        ...(i === 0 ? { name: "share of values, %", nameLocation: "middle" as const, nameGap: 34 } : {}),
      })),
      series: counted.flatMap(({ edges, shares }, panel) =>
        shares.map(({ name, shares: values }) => ({
          type: "line" as const,
          name,
          xAxisIndex: panel,
          yAxisIndex: panel,
          step: "end" as const,
          showSymbol: false,
          lineStyle: { width: 1.5 },
          areaStyle: { opacity: 0.15 },
          data: [[edges[0]!, 100 * values[0]!], ...values.map((y, i) => [edges[i + 1]!, 100 * y])],
        })),
      ),
    },
    { width: Math.max(480, 400 * panels.length), height: 380 },
  )
}

/** The values that runs' blocks gave, a panel for each block that all of them have. */
export const blockHistograms = (runs: readonly (readonly [name: string, values: Tensors])[]): Promise<string> => {
  const panels = Object.keys(runs[0]![1])
    .filter((block) => runs.every(([, values]) => block in values))
    .sort((a, b) => a.localeCompare(b, "en", { numeric: true }))
    .map((title) => ({
      title,
      distributions: runs.map(([name, values]) => ({ name, values: values[title]!.data })),
    }))
  return valueHistograms("Values that blocks give", panels)
}
