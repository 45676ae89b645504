import { join } from "node:path"
import { test } from "vitest"
import { load, save } from "../../src/runtime/weights/index.ts"
import { documented } from "../weights/documented.ts"
import { folder, noise } from "../weights/tools.ts"

test("two tensors of one name", async () => {
  const path = join(await folder(), "hf.safetensors")
  await save(path, {
    "shared_image_embedding.positional_embedding": noise([2, 16]),
    "prompt_encoder.shared_embedding.positional_embedding": noise([2, 16], 2),
  })
  const name = "prompt_encoder.pe_layer.positional_encoding_gaussian_matrix"
  await documented("HS3016", load([{ name, shape: [2, 16], kind: "buffer" }], path))
})
