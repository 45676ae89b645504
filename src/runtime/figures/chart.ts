/** Charts as SVG, drawn by echarts without a browser. echarts is loaded when the first chart is drawn. */
import type { EChartsOption } from "echarts"
import { legal } from "../../compiler/report/escape.ts"

const size = { width: 720, height: 420 }

/** Colours that are told apart by readers who do not see red or green (Okabe and Ito 2008). */
export const palette = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000"]

/** The same option gives the same text. */
export const chartSvg = async (option: EChartsOption, { width, height } = size): Promise<string> => {
  const echarts = await import("./echarts.ts")
  const chart = echarts.init(null, null, { renderer: "svg", ssr: true, width, height })
  try {
    chart.setOption({
      animation: false,
      backgroundColor: "#ffffff",
      color: palette,
      textStyle: { fontFamily: "DejaVu Sans, Arial, sans-serif" },
      ...option,
    })
    return legal(withStableIds(chart.renderToSVGString()))
  } finally {
    chart.dispose()
  }
}

/** echarts numbers its classes and clip paths over the life of the process. */
const withStableIds = (svg: string): string => {
  const names = new Map<string, string>()
  return svg.replace(/\bzr\d+-[\w-]+/g, (name) => {
    if (!names.has(name)) names.set(name, `zr-${names.size}`)
    return names.get(name)!
  })
}
