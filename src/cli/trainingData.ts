/** Data as `train` and `eval` take them: checked before anything is computed, and without the cases that a model cannot be asked about. */
import { type Diagnostic, type Diagnostics, Failed, failed } from "../compiler/diagnostic.ts"
import type { ModelData } from "../dsl/model.ts"
import type { Prompt } from "../dsl/training.ts"
import type { Case, DataOptions } from "../runtime/data/case.ts"
import { checkData } from "../runtime/data/check.ts"
import type { Reader } from "../runtime/data/reader.ts"
import type { Split } from "../runtime/data/split.ts"
import { needsForeground } from "../runtime/task/index.ts"
import { talk, talkDiagnostics } from "./output.ts"

/**
 * Reads every image and mask once: errors stop, warnings are printed. Copies in two parts are an error of a split that somebody made, and a
 * warning about one that chance made.
 */
export const demandUsable = async (
  dir: string,
  options: DataOptions,
  split: Split,
  splitFile: string | undefined,
): Promise<void> => {
  const { diagnostics } = await checkData(dir, { ...options, split: { file: splitFile ?? dir, split } })
  const weighed = diagnostics.map(
    (one): Diagnostic => (one.code === "HS4207" && splitFile === undefined ? { ...one, severity: "warning" } : one),
  )
  const errors = weighed.filter(({ severity }) => severity === "error")
  talkDiagnostics(weighed.filter(({ severity }) => severity === "warning"))
  if (errors.length > 0) throw new Failed(errors as unknown as Diagnostics)
}

/** The cases that the model can be asked about, in order. Says how many are left out. */
export const askable = async (
  reader: Reader,
  cases: readonly Case[],
  model: ModelData,
  prompt: Prompt,
  what: string,
): Promise<readonly Case[]> => {
  if (!needsForeground(model, prompt)) return cases
  const kept = await reader.withForeground(cases)
  const left = cases.length - kept.length
  if (left > 0) talk(`note: ${left} of ${cases.length} ${what} images are left out: their masks are empty`)
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
