/** A mask found before, from a file: one value beside 0, or probabilities as `hasam segment --probabilities` writes them. */
import { dirname } from "node:path"
import { type Diagnostic, type Diagnostics, Failed, failed } from "../../compiler/diagnostic.ts"
import { toldOnce } from "../data/alike.ts"
import { type Labels, readLabels } from "../data/image.ts"
import { type MaskPrompt, maskPromptOf } from "../task/maskPrompt.ts"
import type { Size } from "../task/pixels.ts"

/** Distinct values, ascending; more than a hundred are no matter. */
const valuesIn = ({ values }: Labels): readonly number[] => {
  const seen = new Set<number>()
  for (let i = 0; i < values.length && seen.size < 100; i++) seen.add(values[i]!)
  return [...seen].sort((a, b) => a - b)
}

/** Throws HS4002 and HS42… for a file that is no image, HS4402 for one that is empty, of several objects, or of another size than the image. */
export const readMaskPrompt = async (path: string, image?: Size): Promise<MaskPrompt> => {
  const labels = await readLabels(path)
  const { width, height, values, kind } = labels
  if (image !== undefined && (width !== image.width || height !== image.height))
    throw failed(
      path,
      "HS4402",
      `the mask is of ${width} × ${height} pixels, and its image of ${image.width} × ${image.height}`,
      "Give a mask of the image's own size.",
    )
  const found = valuesIn(labels)
  const top = found.at(-1) ?? 0
  const binary = found.length <= 2 && (found[0] === 0 || found.length === 1)
  if (!binary && kind !== "grey")
    throw failed(
      path,
      "HS4402",
      "the mask shows several objects or classes, and a prompt is about one",
      "Give each object a file of its own: one value beside 0, or probabilities.",
    )
  const one = binary ? Math.max(1, top) : top > 255 ? 65_535 : 255
  if (!binary && top < 32)
    throw failed(
      path,
      "HS4402",
      `the mask holds ${found.join(", ")}: several classes, or probabilities that are all next to nothing`,
      "Give one value beside 0, or probabilities from 0 to 255 or 65535.",
    )
  return maskPromptOf(
    path,
    labels,
    Float32Array.from(values, (value) => value / one),
  )
}

/** Reads all, one at a time, before any work is done with them. Throws as `readMaskPrompt`: all faults at once, one that many share told once. */
export const demandMasks = async (paths: readonly string[]): Promise<void> => {
  const problems: Diagnostic[] = []
  for (const path of new Set(paths)) {
    try {
      await readMaskPrompt(path)
    } catch (problem) {
      if (!(problem instanceof Failed)) throw problem
      problems.push(...problem.diagnostics)
    }
  }
  if (problems.length > 0) throw new Failed(toldOnce(dirname(problems[0]!.file), problems) as unknown as Diagnostics)
}
