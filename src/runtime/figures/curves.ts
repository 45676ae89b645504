/** What training did: the loss on the left axis, the validation on the right, over the epochs. */
import { chartSvg } from "./chart.ts"

export interface EpochPoint {
  /** From 1. */
  readonly epoch: number
  /** A loss that is not finite leaves a gap. */
  readonly loss: number
  /** 0 to 1; not every epoch validates. */
  readonly validation?: number
}

/** An SVG. `measure` names what validation measures, such as Dice. */
export const trainingCurves = (
  points: readonly EpochPoint[],
  { measure = "Dice", title = "" }: { readonly measure?: string; readonly title?: string } = {},
): Promise<string> => {
  const validated = points.flatMap(({ epoch, validation }) => (validation === undefined ? [] : [[epoch, validation]]))
  const right = { type: "value" as const, name: `validation ${measure}`, position: "right" as const, min: 0, max: 1 }
  const losses = points.map(({ epoch, loss }) => [epoch, Number.isFinite(loss) ? loss : null] as (number | null)[])
  return chartSvg({
    title: { text: title, left: "center", textStyle: { fontSize: 15 } },
    legend: { bottom: 4, itemGap: 24 },
    grid: { left: 64, right: 64, top: 48, bottom: 76 },
    xAxis: {
      type: "value",
      name: "epoch",
      nameLocation: "middle",
      nameGap: 26,
      min: points[0]?.epoch ?? 0,
      max: Math.max(points.at(-1)?.epoch ?? 1, (points[0]?.epoch ?? 0) + 1),
      minInterval: 1,
    },
    yAxis: [
      { type: "value", name: "training loss", splitLine: { show: true } },
      { ...right, splitLine: { show: false } },
    ],
    series: [
      { type: "line", name: "training loss", yAxisIndex: 0, showSymbol: losses.length < 2, data: losses },
      { type: "line", name: right.name, yAxisIndex: 1, showSymbol: validated.length < 30, data: validated },
    ],
  })
}
