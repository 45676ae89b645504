import { join } from "node:path"
import { test } from "vitest"
import { sam } from "../../src/dsl/index.ts"
import { load, save } from "../../src/runtime/weights/index.ts"
import { documented } from "../weights/documented.ts"
import { expectedOf, folder, randomOf } from "../weights/tools.ts"

test("wrong shapes", async () => {
  const options = { width: 32, depth: 4, heads: 4, globalBlocks: [1, 3], imageSize: 80, windowSize: 3 }
  const { expected } = expectedOf(sam(options).data)
  const path = join(await folder(), "sam.safetensors")
  await save(path, randomOf(expectedOf(sam({ ...options, globalBlocks: [2, 3] }).data).expected))
  await documented("HS3012", load(expected, path))
})
