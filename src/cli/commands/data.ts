import { join } from "node:path"
import cliProgress from "cli-progress"
import { checkData, isUsable } from "../../runtime/data/check.ts"
import { dataReportText } from "../../runtime/data/checkText.ts"
import { copiesText, withCopies } from "../../runtime/data/copies.ts"
import { openData } from "../../runtime/data/layouts/index.ts"
import { kFolds, type Split, splitCases } from "../../runtime/data/split.ts"
import { loadSplit, saveSplit } from "../../runtime/data/splitFile.ts"
import { type DataFlags, dataOptionsOf } from "../../runtime/dataFlags.ts"
import { exit, say, talk } from "../output.ts"

interface CheckFlags extends DataFlags {
  readonly split?: string
  readonly json?: boolean
}

/** A bar of long work on stderr, on a terminal; it is gone when the work is done. */
const barOf = (what: string) => {
  const bar = new cliProgress.SingleBar({
    stream: process.stderr,
    format: `${what} {bar} {value}/{total}  {eta_formatted} left`,
    hideCursor: true,
    clearOnComplete: true,
  })
  let started = false
  return {
    update: (done: number, total: number): void => {
      if (!process.stderr.isTTY) return
      if (!started) bar.start(total, 0)
      started = true
      bar.update(done)
    },
    stop: (): void => {
      if (started) bar.stop()
    },
  }
}

/** hasam data check DIR */
export const checkCommand = async (dir: string, { json, split, ...data }: CheckFlags): Promise<void> => {
  const options = dataOptionsOf(data)
  const bar = barOf("reading")
  const given =
    split === undefined
      ? {}
      : { split: { file: split, split: await loadSplit(split, (await openData(dir, options)).cases) } }
  const report = await checkData(dir, {
    ...options,
    ...given,
    ...(json ? {} : { onProgress: bar.update }),
  }).finally(bar.stop)
  say(json ? JSON.stringify(report, null, 2) : dataReportText(report))
  process.exitCode = isUsable(report) ? exit.fine : exit.wrong
}

interface SplitFlags extends Pick<DataFlags, "layout" | "subject"> {
  readonly out: string
  readonly folds?: number
  readonly seed: number
}

/** hasam data split DIR --out FILE, or --folds K --out FOLDER */
export const splitCommand = async (dir: string, { out, folds, seed, ...data }: SplitFlags): Promise<void> => {
  const found = await openData(dir, dataOptionsOf(data))
  const { cases, copies } = await withCopies(found.cases, dataOptionsOf(data))
  const opened = { ...found, cases }
  if (copies.length > 0) talk(`images that are there more than once stay together: ${copiesText(copies)}`)
  const line = (file: string, { by, train, validation, test }: Split) =>
    say(`${file}: ${train.length} train, ${validation.length} validate, ${test.length} test (by ${by})`)
  if (folds === undefined) {
    const split = splitCases(cases, { seed, root: dir })
    await saveSplit(out, split, opened)
    return line(out, split)
  }
  const own = opened.folds?.find(({ splits }) => splits.length === folds)
  if (own !== undefined) talk(`the folds are the data set's own, from ${own.name}`)
  for (const [i, split] of (own?.splits ?? kFolds(cases, folds, { seed, root: dir })).entries()) {
    const file = join(out, `fold-${i + 1}.json`)
    await saveSplit(file, split, opened)
    line(file, split)
  }
}

/** hasam data phantoms OUT */
export const phantomsCommand = async (
  out: string,
  { count, size, seed }: { readonly count: number; readonly size: number; readonly seed: number },
): Promise<void> => {
  const { writePhantoms } = await import("../../runtime/data/phantoms/index.ts")
  const bar = barOf("drawing")
  await writePhantoms(out, { n: count, size, seed, onProgress: bar.update }).finally(bar.stop)
  say(`wrote ${count} phantoms to ${out}`)
}
