/** What a checkpoint's tensors say of the SAM that they belong to. */
import type { About } from "../../learned.ts"
import { encoderOf, imageSizeOf, type Named, type SamFacts, samFacts } from "./facts.ts"
import type { Convention } from "./names.ts"

export interface Inspected {
  readonly sam?: SamFacts
}
export const inspected = (tensors: readonly Named[]): Inspected => {
  const sam = samFacts(tensors)
  return sam === undefined ? {} : { sam }
}

/** What a file seems to be, as half a sentence. */
export const kindOf = (naming: Convention, { sam: facts }: Inspected, about: About | undefined): string => {
  if (about !== undefined) return `only what learns, of '${about.model}', on the base ${about.base.slice(0, 12)}…`
  if (naming === "SAMed LoRA") return "a LoRA for SAM's q and v, as SAMed writes it; useless without the base"
  if (facts === undefined) return naming === "other" ? "not a SAM by its names" : "a part of a SAM"
  const size = imageSizeOf(facts)
  return `a SAM with ${encoderOf(facts)}${size === undefined ? "" : `, for images of ${size} pixels`}`
}

/** The facts, a line each. */
export const factLines = ({ sam }: Inspected): readonly string[] =>
  sam === undefined
    ? []
    : [
        ...(imageSizeOf(sam) === undefined
          ? []
          : [`image size ${imageSizeOf(sam)}, patches of ${sam.patch}, grid ${sam.grid?.join(" × ")}`]),
        ...(sam.globalBlocks === undefined
          ? []
          : [`global blocks ${sam.globalBlocks.join(", ")}, windows of ${sam.windowSize ?? "none"}`]),
        ...(sam.maskTokens === undefined ? [] : [`${sam.maskTokens} mask tokens`]),
      ]
