/** The part of echarts that the figures use. The build puts it into this one file, so that the package needs no echarts (62 MB). */
import { LineChart } from "echarts/charts"
import { GridComponent, LegendComponent, TitleComponent } from "echarts/components"
import { init, use } from "echarts/core"
import { SVGRenderer } from "echarts/renderers"

use([LineChart, GridComponent, LegendComponent, TitleComponent, SVGRenderer])

export { init }
