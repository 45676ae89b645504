import module from "node:module"
import { availableParallelism } from "node:os"
import { setFlagsFromString } from "node:v8"

/**
 * A command of half a second spends much of it in V8's compilers. What they made is kept for the next one, where Node can: from 22.1 on. Before,
 * they are told to wait longer until a function is worth optimizing, which takes a fifth off the processor seconds of a compile
 * (bench/compile.js) and does not slow those that last.
 */
const hastenV8 = () =>
  module.enableCompileCache === undefined
    ? setFlagsFromString("--interrupt-budget=500000")
    : void module.enableCompileCache()

/** The threads that `hasam compile SPEC…` needs start while the compiler is loaded: one for each spec before the first option. */
const startThreads = async (specs) => {
  const end = specs.findIndex((one) => one.startsWith("-"))
  const count = Math.min(end < 0 ? specs.length : end, availableParallelism())
  if (count > 0) (await import("../dist/compiler/frontend/threads.js")).startAhead(count)
}

/** Runs a command line, as `hasam` or as `hasam-compile`. */
export const run = async (argv, command) => {
  hastenV8()
  const [name, ...rest] = command === undefined ? argv.slice(2) : [command, ...argv.slice(2)]
  if (name === "compile") await startThreads(rest)
  const { main } = await import("../dist/cli/main.js")
  await main(argv, command)
}
