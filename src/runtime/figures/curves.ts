/** What training did: losses on the left axis, scores on the right, over the epochs. */
import { chartSvg } from "./chart.ts"

export interface Curve {
  readonly name: string
  /** Losses have their own axis; scores go from 0 to 1. */
  readonly axis: "loss" | "score"
  /** [epoch, value]; a value that is not finite leaves a gap. */
  readonly points: readonly (readonly [epoch: number, value: number])[]
}

/** An SVG. */
export const trainingCurves = (title: string, curves: readonly Curve[]): Promise<string> => {
  const axes = (["loss", "score"] as const).filter((axis) => curves.some((curve) => curve.axis === axis))
  const epochs = curves.flatMap(({ points }) => points.map(([epoch]) => epoch))
  const [first, last] = [Math.min(...epochs, Number.MAX_SAFE_INTEGER), Math.max(...epochs, 0)]
  return chartSvg({
    title: { text: title, left: "center", textStyle: { fontSize: 15 } },
    legend: { bottom: 4, itemGap: 24 },
    grid: { left: 64, right: 64, top: 48, bottom: 76 },
    xAxis: {
      type: "value",
      name: "epoch",
      nameLocation: "middle",
      nameGap: 26,
      min: Math.min(first, last),
      max: Math.max(last, Math.min(first, last) + 1),
      minInterval: 1,
    },
    yAxis: (axes.length > 0 ? axes : (["loss"] as const)).map((axis, i) => ({
      type: "value" as const,
      name: axis,
      position: i === 0 ? ("left" as const) : ("right" as const),
      ...(axis === "score" ? { min: 0, max: 1 } : {}),
      splitLine: { show: i === 0 },
    })),
    series: curves.map(({ name, axis, points }) => ({
      type: "line" as const,
      name,
      yAxisIndex: axes.indexOf(axis),
      showSymbol: points.length < 30 && axis === "score",
      data: points.map(([x, y]) => [x, Number.isFinite(y) ? y : null] as (number | null)[]),
    })),
  })
}
