/** How two SAMs differ, as sentences. */
import { encoderOf, type Named, type SamFacts, samFacts } from "./facts.ts"

const list = (numbers: readonly number[]): string => numbers.join(", ") || "none"

/** The differences between two SAMs, as sentences. */
const architecture = (model: SamFacts, file: SamFacts): readonly string[] => {
  if (model.width !== file.width || model.depth !== file.depth)
    return [`the file is of a ${encoderOf(file)}, the model has a ${encoderOf(model)}`]
  const causes: string[] = []
  if (model.patch !== file.patch)
    causes.push(`the file has patches of ${file.patch} pixels, the model of ${model.patch}`)
  const [ours, theirs] = [list(model.globalBlocks ?? []), list(file.globalBlocks ?? [])]
  if (model.globalBlocks && file.globalBlocks && ours !== theirs)
    causes.push(`the file has global attention in blocks ${theirs}, the model in ${ours}`)
  if (model.windowSize !== undefined && file.windowSize !== undefined && model.windowSize !== file.windowSize)
    causes.push(`the file has windows of ${file.windowSize}, the model of ${model.windowSize}`)
  if (model.maskTokens !== undefined && file.maskTokens !== undefined && model.maskTokens !== file.maskTokens)
    causes.push(
      `the file's decoder has ${file.maskTokens} mask tokens, the model's ${model.maskTokens}: it was trained for other classes`,
    )
  return causes
}

/** The differences between the SAMs that two lists of tensors belong to; none where one is no SAM. */
export const architectureCauses = (model: readonly Named[], file: readonly Named[]): readonly string[] => {
  const [ours, theirs] = [samFacts(model), samFacts(file)]
  return ours && theirs ? architecture(ours, theirs) : []
}
