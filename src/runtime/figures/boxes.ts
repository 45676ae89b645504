/** How a metric spreads over the cases, model beside model: box plots, a panel for each metric. */
import { quantileSorted } from "simple-statistics"
import { type MetricName, metricNames, type Results, valuesOf } from "../metrics/results.ts"
import { chartSvg, palette } from "./chart.ts"

const names: { readonly [K in MetricName]: string } = { dice: "Dice, %", iou: "IoU, %", hd95: "HD95", nsd: "NSD, %" }
const scale: { readonly [K in MetricName]: number } = { dice: 100, iou: 100, hd95: 1, nsd: 100 }

export interface BoxSummary {
  readonly low: number
  readonly q1: number
  readonly median: number
  readonly q3: number
  readonly high: number
  readonly outside: readonly number[]
}

/** Tukey's: whiskers to the furthest values within 1.5 times the box. Undefined of no values. */
export const boxOf = (values: readonly number[]): BoxSummary | undefined => {
  if (values.length === 0) return undefined
  const sorted = [...values].sort((a, b) => a - b)
  const [q1, median, q3] = [0.25, 0.5, 0.75].map((p) => quantileSorted(sorted, p)) as [number, number, number]
  const reach = 1.5 * (q3 - q1)
  const inside = sorted.filter((x) => x >= q1 - reach && x <= q3 + reach)
  const outside = sorted.filter((x) => x < q1 - reach || x > q3 + reach)
  return { low: Math.min(q1, ...inside), q1, median, q3, high: Math.max(q3, ...inside), outside }
}

type Line = readonly (readonly [number, number])[]
/** A box and its whiskers as closed and open lines around the place of a model. */
const linesOf = ({ low, q1, median, q3, high }: BoxSummary, at: number): readonly Line[] => {
  const [l, r] = [at - 0.28, at + 0.28]
  return [
    [
      [l, q1],
      [r, q1],
      [r, q3],
      [l, q3],
      [l, q1],
    ],
    [
      [l, median],
      [r, median],
    ],
    [
      [at, q3],
      [at, high],
    ],
    [
      [at, q1],
      [at, low],
    ],
    [
      [at - 0.12, high],
      [at + 0.12, high],
    ],
    [
      [at - 0.12, low],
      [at + 0.12, low],
    ],
  ]
}

/** An SVG: models from left to right in their order; values of all cases. */
export const boxPlots = (title: string, all: readonly Results[]): Promise<string> => {
  const metrics = metricNames.filter((metric) => all.some((one) => valuesOf(one, metric).length > 0))
  const share = 100 / metrics.length
  const percent = (x: number) => `${x}%`
  const unit = all[0]?.unit ?? "px"
  const boxes = metrics.map((metric) =>
    all.map((one) => boxOf(valuesOf(one, metric).map((value) => scale[metric] * value))),
  )
  return chartSvg(
    {
      title: { text: title, left: "center", top: 4, textStyle: { fontSize: 15 } },
      grid: metrics.map((_, i) => ({
        left: percent(i * share + share * 0.16),
        width: percent(share * 0.8),
        top: 60,
        bottom: 96,
      })),
      xAxis: metrics.map((_, i) => ({
        type: "value",
        gridIndex: i,
        min: 0,
        max: all.length + 1,
        interval: 1,
        axisLabel: { rotate: 45, formatter: (at: number) => all[at - 1]?.model ?? "" },
        axisTick: { show: false },
        splitLine: { show: false },
      })),
      yAxis: metrics.map((metric, i) => ({
        type: "value",
        gridIndex: i,
        scale: true,
        name: metric === "hd95" ? `HD95, ${unit}` : names[metric],
        nameLocation: "end" as const,
      })),
      series: boxes.flatMap((panel, i) =>
        panel.flatMap((box, k) => {
          const style = { name: all[k]!.model, xAxisIndex: i, yAxisIndex: i, color: palette[k % palette.length]! }
          if (box === undefined) return []
          const lines = linesOf(box, k + 1).map((data, n) => ({
            ...style,
            type: "line" as const,
            symbol: "none",
            lineStyle: { width: n === 1 ? 2.5 : 1.2 },
            data: data.map((point) => [...point]),
          }))
          const outliers = box.outside.map((value) => ({
            ...style,
            type: "line" as const,
            symbol: "circle",
            symbolSize: 4,
            lineStyle: { width: 0 },
            data: [[k + 1, value]],
          }))
          return [...lines, ...outliers]
        }),
      ),
    },
    { width: Math.max(720, metrics.length * (90 + 44 * all.length)), height: 420 },
  )
}
