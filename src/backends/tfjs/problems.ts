/** What goes wrong at the edge between a caller and a tfjs engine, as diagnostics. */
import type { Code } from "../../compiler/codes/index.ts"
import { type Failed, failed } from "../../compiler/diagnostic.ts"

/** The target's name stands where a file would: there is none. */
const about =
  (code: Code) =>
  (target: string, message: string, help?: string): Failed =>
    failed(`<${target}>`, code, message, help)

export const noDevice = about("HS2601")
export const rejected = about("HS2603")
export const deviceLost = about("HS2604")
export const noF16 = about("HS2605")
