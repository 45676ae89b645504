import { aligned } from "../../compiler/report/text.ts"
import { exact } from "../../compiler/report/units.ts"
import { colors, say } from "../output.ts"
import { selectModel } from "../select.ts"

const signed = (n: number): string => (n === 0 ? "0" : `${n > 0 ? "+" : "−"}${exact(Math.abs(n))}`)

/** hasam diff A B: what B has more or less than A. */
export const diff = async (a: string, b: string): Promise<void> => {
  const [before, after] = [(await selectModel(a)).model.report, (await selectModel(b)).model.report]
  const names = [...new Set([...before.parts, ...after.parts].map(({ name }) => name))]
  const of = (parts: typeof before.parts, name: string) =>
    parts.find((part) => part.name === name) ?? { total: 0, trainable: 0 }
  const partRows = names.map((name) => {
    const [x, y] = [of(before.parts, name), of(after.parts, name)]
    return [name, signed(y.total - x.total), signed(y.trainable - x.trainable)]
  })
  const depth = Math.max(before.blocks.length, after.blocks.length)
  const blockRows = Array.from({ length: depth }, (_, i) => {
    const [x, y] = [before.blocks[i], after.blocks[i]]
    return [
      `block ${i + 1}`,
      signed((y?.total ?? 0) - (x?.total ?? 0)),
      signed((y?.trainable ?? 0) - (x?.trainable ?? 0)),
    ]
  }).filter(([, total, trainable]) => total !== "0" || trainable !== "0")
  const rows = aligned([
    [`${before.name} → ${after.name}`, "parameters", "learn"],
    ...partRows.filter(([, total, trainable]) => total !== "0" || trainable !== "0"),
    ...blockRows,
    ["TOTAL", signed(after.total - before.total), signed(after.trainable - before.trainable)],
  ])
  say([colors.dim(rows[0]!), ...rows.slice(1, -1), colors.bold(rows.at(-1)!)].join("\n"))
}
