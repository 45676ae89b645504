import cliProgress from "cli-progress"
import type { LayoutName } from "../../runtime/data/case.ts"
import { checkData, isUsable } from "../../runtime/data/check.ts"
import { dataReportText } from "../../runtime/data/checkText.ts"
import { openData } from "../../runtime/data/layouts/index.ts"
import { loadSplit } from "../../runtime/data/splitFile.ts"
import { exit, say, talkDiagnostics } from "../output.ts"

interface CheckFlags {
  readonly layout?: LayoutName
  readonly class?: number
  readonly split?: string
  readonly json?: boolean
}

/** hasam data check DIR */
export const checkCommand = async (dir: string, { json, split, ...options }: CheckFlags): Promise<void> => {
  const bar = new cliProgress.SingleBar({
    stream: process.stderr,
    format: "reading {bar} {value}/{total}  {eta_formatted} left",
    hideCursor: true,
  })
  const shown = process.stderr.isTTY && !json
  let started = false
  const given =
    split === undefined
      ? {}
      : { split: { file: split, split: await loadSplit(split, (await openData(dir, options)).cases) } }
  const report = await checkData(dir, {
    ...options,
    ...given,
    onProgress: (done, total) => {
      if (!shown) return
      if (!started) bar.start(total, 0)
      started = true
      bar.update(done)
    },
  })
  if (started) bar.stop()
  say(json ? JSON.stringify(report, null, 2) : dataReportText(report))
  if (!json) talkDiagnostics(report.diagnostics)
  process.exitCode = isUsable(report) ? exit.fine : exit.wrong
}

/** hasam data phantoms OUT */
export const phantomsCommand = async (
  out: string,
  { count, size, seed }: { readonly count: number; readonly size: number; readonly seed: string },
): Promise<void> => {
  const { writePhantoms } = await import("../../runtime/data/phantoms/index.ts")
  await writePhantoms(out, { n: count, size, seed: Number(seed) })
  say(`wrote ${count} phantoms to ${out}`)
}
