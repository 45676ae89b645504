/** What one model has more or less than another: parts, placements, blocks, and in all. */
import type { CountRow, ModelReport } from "./report.ts"

export interface DiffRow {
  readonly name: string
  readonly before: Omit<CountRow, "name">
  readonly after: Omit<CountRow, "name">
}
export interface ModelDiff {
  readonly parts: readonly DiffRow[]
  readonly placements: readonly DiffRow[]
  readonly blocks: readonly DiffRow[]
  readonly total: DiffRow
}

const nothing = { total: 0, trainable: 0 }
const changed = ({ before, after }: DiffRow): boolean =>
  before.total !== after.total || before.trainable !== after.trainable

const rowsOf = (before: readonly CountRow[], after: readonly CountRow[]): readonly DiffRow[] =>
  [...new Set([...before, ...after].map(({ name }) => name))]
    .map((name) => ({
      name,
      before: before.find((row) => row.name === name) ?? nothing,
      after: after.find((row) => row.name === name) ?? nothing,
    }))
    .filter(changed)

const blocksOf = ({ blocks }: ModelReport): readonly CountRow[] =>
  blocks.map(({ index, total, trainable }) => ({ name: `block ${index}`, total, trainable }))

export const diffOf = (before: ModelReport, after: ModelReport): ModelDiff => ({
  parts: rowsOf(before.parts, after.parts),
  placements: rowsOf(before.placements, after.placements),
  blocks: rowsOf(blocksOf(before), blocksOf(after)),
  total: { name: "TOTAL", before, after },
})
