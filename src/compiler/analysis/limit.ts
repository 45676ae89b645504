/** Analysis has a time limit, as evaluation has: synchronous work that is ended from outside. */
import { Script } from "node:vm"

const given = Number(process.env["HASAM_ANALYSIS_LIMIT"])
/** Milliseconds that the analysis of one model may take; a test shortens it. */
export const analysisLimit = given > 0 ? given : 60_000

const slot = "__hasamAnalysis"
const call = new Script(`globalThis.${slot}()`)

/** What the work gives, or "timeout". What it throws is thrown. */
export const withinTime = <A>(work: () => A, milliseconds = analysisLimit): A | "timeout" => {
  const world = globalThis as unknown as Record<string, unknown>
  const before = world[slot]
  world[slot] = work
  try {
    return call.runInThisContext({ timeout: milliseconds }) as A
  } catch (problem) {
    if ((problem as NodeJS.ErrnoException | null)?.code === "ERR_SCRIPT_EXECUTION_TIMEOUT") return "timeout"
    throw problem
  } finally {
    world[slot] = before
  }
}
