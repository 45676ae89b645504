import { join } from "node:path"
import { test } from "vitest"
import { sam } from "../../src/dsl/index.ts"
import { load, save } from "../../src/runtime/weights/index.ts"
import { documented } from "../weights/documented.ts"
import { expectedOf, folder, randomOf } from "../weights/tools.ts"

test("missing tensors", async () => {
  const options = { width: 32, depth: 4, heads: 4, globalBlocks: [1, 3], imageSize: 80, windowSize: 3 }
  const { expected } = expectedOf(sam(options).data)
  const path = join(await folder(), "sam.safetensors")
  const encoder = expected.filter(({ name }) => name.startsWith("image_encoder."))
  await save(path, randomOf(encoder))
  await documented("HS3010", load(expected, path))
})
