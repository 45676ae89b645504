import { createHash } from "node:crypto"
import type { ModelData } from "../../dsl/model.ts"

/** What a model is, whatever its place in the source and its expectations: two specs of one hash are one network with one mask. */
export const modelHash = (model: ModelData): string => {
  const { name, network, takes, teaches, blocks, adaptations, rules } = model
  const bare = JSON.stringify({ name, network, takes, teaches, blocks, adaptations, rules }, (key, value) =>
    key === "at" ? undefined : value,
  )
  return createHash("sha256").update(bare).digest("hex")
}
