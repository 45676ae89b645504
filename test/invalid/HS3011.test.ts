import { join } from "node:path"
import { test } from "vitest"
import { sam } from "../../src/dsl/index.ts"
import { load, save } from "../../src/runtime/weights/index.ts"
import { documented } from "../weights/documented.ts"
import { expectedOf, folder, noise, randomOf } from "../weights/tools.ts"

test("unexpected tensors", async () => {
  const options = { width: 32, depth: 4, heads: 4, globalBlocks: [1, 3], imageSize: 80, windowSize: 3 }
  const { expected } = expectedOf(sam(options).data)
  const path = join(await folder(), "sam.safetensors")
  const adapters = { "image_encoder.blocks.3.after_attention.0.weight": noise([8, 32]) }
  await save(path, { ...randomOf(expected), ...adapters })
  await documented("HS3011", load(expected, path))
})
