import { version } from "../../compiler/compile.ts"
import { diffOf } from "../../compiler/report/diff.ts"
import { cellsOf, diffHtml, diffMarkdown } from "../../compiler/report/diffForms.ts"
import { aligned } from "../../compiler/report/text.ts"
import { selectModel } from "../../runtime/select.ts"
import { colors, say } from "../output.ts"

/** hasam diff A B: what B has more or less than A; the last line is of all. */
export const diff = async (
  a: string,
  b: string,
  { format }: { readonly format: "text" | "markdown" | "html" },
): Promise<void> => {
  const [before, after] = [(await selectModel(a)).model.report, (await selectModel(b)).model.report]
  if (format === "markdown") return say(diffMarkdown(before, after))
  if (format === "html") return say(diffHtml(before, after, version).trimEnd())
  const { parts, placements, blocks, total } = diffOf(before, after)
  const groups = [parts, placements, blocks].filter((rows) => rows.length > 0)
  const rows = [
    [`${before.name} → ${after.name}`, "parameters", "", "learn", ""],
    ...groups.flatMap((group) => group.map(cellsOf)),
    cellsOf(total),
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
