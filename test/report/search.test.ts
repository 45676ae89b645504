import { mkdtempSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { expect, test } from "vitest"
import { numbersOf } from "../../src/compiler/frontend/numbers.ts"
import { packageRoot } from "../../src/compiler/frontend/package.ts"
import { search } from "../../src/compiler/report/search.ts"
import { ran } from "../cli/session.ts"

const at = (count: number) => (found: number) => (Math.abs(found - count) < 0.5 ? 0 : found - count)
const asked: number[] = []
const ask =
  (count: (x: number) => number | undefined) =>
  async (values: readonly number[]): Promise<readonly (number | undefined)[]> => {
    asked.push(...values)
    return values.map(count)
  }

test("the plainest number that answers; what is written, where it does", async () => {
  const squares = ask((x) => (x > 100 ? undefined : 1000 * x * x))
  expect(await search({ text: "5", value: 5 }, squares, [at(9000), at(25_000), at(62.5), at(1e9)])).toEqual([
    { text: "3", value: 3, count: 9000 },
    { text: "5", value: 5, count: 25_000 },
    { text: "1/4", value: 0.25, count: 62.5 },
    undefined,
  ])
  expect(asked.length).toBeLessThan(100)
})
test("a count that goes in steps, and one that falls", async () => {
  expect(
    await search(
      { text: "8", value: 8 },
      ask((x) => 1536 * Math.round(x)),
      [at(1536 * 21)],
    ),
  ).toMatchObject([{ text: "21", count: 1536 * 21 }])
  expect(
    await search(
      { text: "1", value: 1 },
      ask((x) => 1000 / x),
      [at(50)],
    ),
  ).toMatchObject([{ value: 20 }])
  // Between two steps there is nothing to find.
  expect(
    await search(
      { text: "8", value: 8 },
      ask((x) => 100 * Math.round(x)),
      [at(150)],
    ),
  ).toEqual([undefined])
})

const source = `import { adapt, afterAttention, expectTotal, freezeAll, linear, pipe, relu, residual, sam, schedule, sequential, uniform, type Rank, type Schedule } from "hasam"
const width = 16
const net = sam({ imageSize: 32, patchSize: 8, width: 16, depth: 2, heads: 2, globalBlocks: [0], outChannels: 16, maskChannels: 4,
  decoder: { depth: 1, heads: 2, mlpWidth: 16, iouWidth: 8, iouDepth: 2, maskTokens: 2 } })
const adapter = (rank: Rank) => residual(sequential(linear(16, rank), relu, linear(rank, 16)))
const adapted = (ranks: Schedule<2>) => pipe(net, freezeAll, adapt(ranks, (rank) => [afterAttention(adapter(rank))]))
export const given = adapted(uniform(2, 1 / 0.25))
export default adapted(schedule(2, (i) => 3 * i))
const other = pipe(given, expectTotal(99 as number)); export { other as renamed }
`
test("numbers of a source, at their places, but none of types and expectations", () => {
  const numbers = numbersOf("spec.ts", source)
  expect(numbers.find(({ text }) => text === "1 / 0.25")).toMatchObject({
    value: 4,
    within: "uniform(2, 1 / 0.25)",
    named: true,
    place: { file: "spec.ts", line: 7, column: 41 },
  })
  expect(numbers.find(({ text }) => text === "3")).toMatchObject({ named: false })
  expect(numbers.map(({ text }) => text)).not.toContain("99")
})
test("reconcile says which number of a schedule gives a count, at its place", () => {
  const file = join(mkdtempSync(join(tmpdir(), "hasam-search-")), "spec.ts")
  writeFileSync(file, source)
  // An adapter of rank r has 33 r + 16 parameters: 362 are those of two blocks with rank 5.
  const { out } = ran({ args: ["reconcile", "362", file], cwd: packageRoot, env: { ...process.env, NO_COLOR: "1" } })
  expect(out).toMatch(/^No reading of 362 fits/)
  expect(out).toMatch(/\nuniform\(2, 1 \/ 0\.25\) +\S*spec\.ts:7:41 +5 +what learns +parameters +362 parameters\n/)
  // Nothing that is given a number decides these ranks: the formula's own number does.
  const formula = ran({
    args: ["reconcile", "527", `${file}#default`],
    cwd: packageRoot,
    env: { ...process.env, NO_COLOR: "1" },
  })
  expect(formula.out).toMatch(/\n\S.* +\S*spec\.ts:8:\d+ +\S+ +what learns +parameters +527 parameters\n/)
})
