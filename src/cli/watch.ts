import { existsSync, statSync } from "node:fs"
import { dirname, resolve } from "node:path"
import { watch as chokidar } from "chokidar"
import type { Compiled } from "../compiler/compile.ts"
import { Failed } from "../compiler/diagnostic.ts"
import { splitSpec } from "../compiler/frontend/resolve.ts"
import { exit, talk, talkDiagnostics } from "./output.ts"

const folderOf = (spec: string): string => {
  const path = resolve(splitSpec(spec).path)
  return existsSync(path) && statSync(path).isDirectory() ? path : dirname(path)
}

/** Compiles again whenever a source beside the specs changes. Begin and end lines tell editors what belongs together. */
export const watch = async (specs: readonly string[], compile: () => Promise<Compiled>): Promise<void> => {
  let running = false
  let again = false
  const round = async (): Promise<void> => {
    if (running) {
      again = true
      return
    }
    running = true
    talk("hasam: compiling")
    await compile().catch((problem: unknown) => {
      // A mistake in a budget file or an option's file: it may be right the next time.
      talkDiagnostics(problem instanceof Failed ? problem.diagnostics : [])
      if (!(problem instanceof Failed)) talk((problem as Error).message)
      process.exitCode = exit.wrong
    })
    talk(
      `hasam: done, ${process.exitCode === exit.fine || process.exitCode === undefined ? "no errors" : "with errors"}. Watching for changes.`,
    )
    running = false
    if (again) {
      again = false
      await round()
    }
  }
  // Listening first: what is saved during the first round is compiled after it.
  const watcher = chokidar([...new Set(specs.map(folderOf))], {
    ignoreInitial: true,
    ignored: (path, stats) => stats?.isFile() === true && !/\.[cm]?ts$/.test(path),
  })
  watcher.on("all", () => void round())
  await new Promise<void>((ready) => watcher.once("ready", ready))
  await round()
  await new Promise<void>((done) => process.once("SIGINT", done))
  await watcher.close()
}
