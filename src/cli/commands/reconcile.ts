import { relative } from "node:path"
import { type Compiled, compileSpecs } from "../../compiler/compile.ts"
import { type FileSize, type Reading, readingsOf } from "../../compiler/report/reconcile.ts"
import type { ModelReport } from "../../compiler/report/report.ts"
import { aligned } from "../../compiler/report/text.ts"
import { counted, exact } from "../../compiler/report/units.ts"
import { pthLength } from "../../runtime/weights/pthWrite.ts"
import { colors, exit, exitCodeOf, say, talk, talkDiagnostics } from "../output.ts"
import { solutionsOf } from "./reconcileSchedules.ts"

/** Checkpoints that a paper may have weighed: of what learns, and of all. */
const filesOf = ({ tensors, trainable, total }: ModelReport): readonly FileSize[] => {
  const learning = tensors.filter(({ trainable }) => trainable)
  return [
    { of: "a .pth of what learns", bytes: pthLength(learning), count: trainable },
    { of: "a .pth of all", bytes: pthLength(tensors), count: total },
  ]
}

/** hasam reconcile 6.82 examples/ha-sam */
export const reconcile = async (printed: string, specs: readonly string[]): Promise<void> => {
  if (!/^\d[\d,_ ]*(\.\d+)?$/.test(printed)) {
    talk(`error: '${printed}' is not a number as printed, such as 6.82`)
    process.exitCode = exit.usage
    return
  }
  const compiled = await compileSpecs(specs)
  const { report } = compiled
  talkDiagnostics(report.diagnostics as never)
  process.exitCode = exitCodeOf(report.diagnostics as never)
  const readings = report.models.flatMap((model) =>
    readingsOf(printed, model, filesOf(model)).map((reading) => ({ model: model.name, ...reading })),
  )
  if (readings.length === 0)
    say(
      `No reading of ${printed} fits: not of what learns, of all, or of a part, in parameters or bytes, and not of a checkpoint.`,
    )
  else sayReadings(readings)
  if (report.models.length > 0) await saySolutions(printed, compiled)
}

type Named = Reading & { readonly model: string }

const sayReadings = (readings: readonly Named[]): void => {
  const [head, ...rows] = aligned(
    [
      ["model", "of", "reading", "exactly"],
      ...readings.map(({ model, of, unit, count, bytes }) => [
        model,
        of,
        unit,
        bytes === undefined ? counted(count, "parameter") : `${exact(bytes)} bytes, ${counted(count, "parameter")}`,
      ]),
    ],
    [0, 1, 2],
  )
  say([colors.dim(head!), ...rows].join("\n"))
}

/** What a schedule's own number would have to be. */
const saySolutions = async (printed: string, compiled: Compiled): Promise<void> => {
  const shown = process.stderr.isTTY
  if (shown) process.stderr.write("trying other numbers in schedules …")
  const solutions = await solutionsOf(printed, compiled)
  if (shown) process.stderr.write("\r\x1b[K")
  if (solutions.length === 0) return
  const [head, ...rows] = aligned(
    [
      ["number", "place", "would be", "of", "reading", "exactly"],
      ...solutions.map(({ number, of, unit, value, counts }) => {
        const { file, line, column } = number.place
        return [
          number.within,
          `${relative(process.cwd(), file)}:${line}:${column}`,
          value,
          of,
          unit,
          counted(of === "all" ? counts.total : counts.trainable, "parameter"),
        ]
      }),
    ],
    [0, 1, 2, 3, 4],
  )
  say(["", colors.dim(head!), ...rows].join("\n"))
}
