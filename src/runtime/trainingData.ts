/** Data as `train` and `eval` take them: checked before anything is computed, and without the cases that a model cannot be asked about. */
import { type Diagnostic, type Diagnostics, Failed, failed } from "../compiler/diagnostic.ts"
import type { ModelData } from "../dsl/model.ts"
import type { Prompt } from "../dsl/training.ts"
import type { Case, DataOptions } from "./data/case.ts"
import { checkData } from "./data/check.ts"
import type { Reader } from "./data/reader.ts"
import type { Split } from "./data/split.ts"
import type { Tell } from "./events.ts"
import { needsForeground } from "./task/index.ts"

/**
 * Reads every image and mask once: errors stop, warnings are told. Copies in two parts are an error of a split that somebody made, and a
 * warning about one that chance made.
 */
export const demandUsable = async (
  dir: string,
  options: DataOptions,
  split: Split,
  splitFile: string | undefined,
  tell: Tell,
): Promise<void> => {
  const { diagnostics } = await checkData(dir, { ...options, split: { file: splitFile ?? dir, split } })
  const weighed = diagnostics.map(
    (one): Diagnostic => (one.code === "HS4207" && splitFile === undefined ? { ...one, severity: "warning" } : one),
  )
  const errors = weighed.filter(({ severity }) => severity === "error")
  const warnings = weighed.filter(({ severity }) => severity === "warning")
  if (warnings.length > 0) tell({ kind: "warnings", diagnostics: warnings })
  if (errors.length > 0) throw new Failed(errors as unknown as Diagnostics)
}

/** The cases that the model can be asked about, in order. Says how many are left out. */
export const askable = async (
  reader: Reader,
  cases: readonly Case[],
  model: ModelData,
  prompt: Prompt,
  what: string,
  tell: Tell,
): Promise<readonly Case[]> => {
  if (!needsForeground(model, prompt)) return cases
  const kept = await reader.withForeground(cases)
  const left = cases.length - kept.length
  if (left > 0)
    tell({
      kind: "note",
      line: `note: ${left} of ${cases.length} ${what === "" ? "" : `${what} `}images are left out: their masks are empty`,
    })
  return kept
}

/** The unit of distances. Throws HS5308 where some would be in pixels and others in millimetres. */
export const unitOf = (data: string, cases: readonly Case[]): "px" | "mm" => {
  const without = cases.filter(({ spacing }) => spacing === undefined)
  if (without.length === 0 && cases.length > 0) return "mm"
  if (without.length === cases.length) return "px"
  throw failed(
    data,
    "HS5308",
    `${without.length} of ${cases.length} images have no pixel spacing (${without[0]!.id} first), so HD95 would mix pixels and millimetres`,
    "Give the table a spacing for every image, or for none.",
  )
}
