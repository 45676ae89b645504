/** Where a report's figures of memory come from, in words. */
import type { Memory } from "./report.ts"

export const memoryBasis = ({ target = "cpu", compiledFor }: Memory): string =>
  compiledFor === undefined
    ? `predicted for ${target === "cpu" ? "the CPU engine" : `--target ${target}`}, float32`
    : `XLA's own figures, compiled for ${compiledFor}`
