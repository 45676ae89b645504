import { CommanderError } from "commander"
import { aboutFile, Failed } from "../compiler/diagnostic.ts"
import { explainMissing } from "../compiler/packages.ts"
import { cannotWrite, reason } from "../runtime/files.ts"
import { exit, exitCodeOf, talk, talkDiagnostics } from "./output.ts"
import { program } from "./program.ts"

/** Runs a command line. Sets the exit code; throws nothing. */
export const main = async (argv: readonly string[], command?: string): Promise<void> => {
  // A reader that has seen enough, such as head, closes the pipe.
  process.stdout.on("error", (problem: NodeJS.ErrnoException) => {
    if (problem.code === "EPIPE") return
    talkDiagnostics([cannotWrite("stdout", problem).diagnostics[0]])
    process.exit(exit.wrong)
  })
  // A terminal that was closed: what runs goes on to its checkpoint.
  process.stderr.on("error", () => undefined)
  try {
    await program().parseAsync([...argv.slice(0, 2), ...(command === undefined ? [] : [command]), ...argv.slice(2)])
  } catch (thrown) {
    const problem = explainMissing(thrown)
    // Usage: commander has said what is wrong, and the exit code is set.
    if (problem instanceof CommanderError) {
      process.exitCode = problem.exitCode === 0 ? exit.fine : exit.usage
      return
    }
    if (problem instanceof Failed) {
      talkDiagnostics(problem.diagnostics)
      process.exitCode = exitCodeOf(problem.diagnostics) || exit.wrong
      return
    }
    // What the operating system refuses is no fault of ours: too many open files, a full disk, a folder that was deleted.
    const { code, syscall, path } = problem as NodeJS.ErrnoException
    if (typeof code === "string" && /^E[A-Z0-9]+$/.test(code) && syscall !== undefined) {
      talkDiagnostics([
        aboutFile(
          path ?? "hasam",
          "HS4002",
          `the system refuses '${syscall}': ${reason(problem)}`,
          "Change that, and call the command again.",
        ),
      ])
      process.exitCode = exit.wrong
      return
    }
    const { message, stack } = problem as Error
    const verbose = argv.includes("--verbose") || process.env["HASAM_VERBOSE"] === "1"
    talk(
      verbose
        ? (stack ?? message)
        : `hasam: ${message.startsWith("internal:") ? message : `internal: ${message}`}\nThis is a fault of hasam's own. --verbose shows where.`,
    )
    process.exitCode = exit.usage
  }
}
