import { join } from "node:path"
import { test } from "vitest"
import { hashOf, loadLearned, saveLearned } from "../../src/runtime/weights/index.ts"
import { documented } from "../weights/documented.ts"
import { folder, noise } from "../weights/tools.ts"

test("another base", async () => {
  const path = join(await folder(), "adapters.safetensors")
  const about = { version: "0.1.0", model: "haSam", spec: "", base: hashOf({ a: noise([3]) }) }
  await saveLearned(path, { adapter: noise([2]) }, about)
  const expected = [{ name: "adapter", shape: [2], kind: "parameter" }] as const
  await documented("HS3014", loadLearned(expected, path, { base: hashOf({ a: noise([3], 2) }) }))
})
