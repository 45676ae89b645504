import { type DiffRow, diffOf } from "../../compiler/report/diff.ts"
import { aligned } from "../../compiler/report/text.ts"
import { change, signed } from "../../compiler/report/units.ts"
import { selectModel } from "../../runtime/select.ts"
import { colors, say } from "../output.ts"

const cells = ({ name, before, after }: DiffRow): readonly string[] => [
  name,
  signed(after.total - before.total),
  change(before.total, after.total),
  signed(after.trainable - before.trainable),
  change(before.trainable, after.trainable),
]

/** hasam diff A B: what B has more or less than A; the last line is of all. */
export const diff = async (a: string, b: string): Promise<void> => {
  const [before, after] = [(await selectModel(a)).model.report, (await selectModel(b)).model.report]
  const { parts, placements, blocks, total } = diffOf(before, after)
  const groups = [parts, placements, blocks].filter((rows) => rows.length > 0)
  const rows = [
    [`${before.name} → ${after.name}`, "parameters", "", "learn", ""],
    ...groups.flatMap((group) => group.map(cells)),
    cells(total),
  ]
  const [head, ...lines] = aligned(rows)
  const last = lines.pop()!
  say(colors.dim(head!))
  let at = 0
  for (const group of groups) {
    for (const line of lines.slice(at, at + group.length)) say(line)
    say("")
    at += group.length
  }
  say(colors.bold(last))
}
