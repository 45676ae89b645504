import { compileSpecs } from "../../compiler/compile.ts"
import { readingsOf } from "../../compiler/report/reconcile.ts"
import { aligned } from "../../compiler/report/text.ts"
import { exact } from "../../compiler/report/units.ts"
import { colors, exit, exitCodeOf, say, talk, talkDiagnostics } from "../output.ts"

/** hasam reconcile 6.82 examples/ha-sam */
export const reconcile = async (printed: string, specs: readonly string[]): Promise<void> => {
  if (!/^\d[\d,_ ]*(\.\d+)?$/.test(printed)) {
    talk(`error: '${printed}' is not a number as printed, such as 6.82`)
    process.exitCode = exit.usage
    return
  }
  const { report } = await compileSpecs(specs)
  talkDiagnostics(report.diagnostics as never)
  process.exitCode = exitCodeOf(report.diagnostics as never)
  const readings = report.models.flatMap((model) =>
    readingsOf(printed, model).map((reading) => ({ model: model.name, ...reading })),
  )
  if (readings.length === 0) {
    say(`No reading of ${printed} fits: not of what learns, of all, or of a part, in parameters or bytes.`)
    return
  }
  const [head, ...rows] = aligned(
    [
      ["model", "of", "reading", "exactly"],
      ...readings.map(({ model, of, unit, count }) => [model, of, unit, `${exact(count)} parameters`]),
    ],
    [0, 1, 2],
  )
  say([colors.dim(head!), ...rows].join("\n"))
}
