import { createHash } from "node:crypto"
import type { ModelData } from "../../dsl/model.ts"

/** What a model is, whatever its place in the source and its expectations: two specs of one hash are one network with one mask. */
export const modelHash = ({ family, blocks, adaptations, rules }: ModelData): string => {
  const bare = JSON.stringify({ family, blocks, adaptations, rules }, (key, value) =>
    key === "at" ? undefined : value,
  )
  return createHash("sha256").update(bare).digest("hex")
}
