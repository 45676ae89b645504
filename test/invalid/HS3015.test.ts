import { join } from "node:path"
import { test } from "vitest"
import { loadLearned, save } from "../../src/runtime/weights/index.ts"
import { documented } from "../weights/documented.ts"
import { folder, noise } from "../weights/tools.ts"

test("a full checkpoint where adapters belong", async () => {
  const path = join(await folder(), "sam_vit_b.safetensors")
  await save(path, { a: noise([3]) })
  await documented("HS3015", loadLearned([], path, { base: "" }))
})
