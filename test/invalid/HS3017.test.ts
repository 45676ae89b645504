import { join } from "node:path"
import { test } from "vitest"
import { convert, save } from "../../src/runtime/weights/index.ts"
import { documented } from "../weights/documented.ts"
import { folder, noise } from "../weights/tools.ts"

test("no such name at Hugging Face", async () => {
  const dir = await folder()
  await save(join(dir, "unet.safetensors"), { "down.0.weight": noise([2]), "down.1.weight": noise([2]) })
  await documented("HS3017", convert(join(dir, "unet.safetensors"), join(dir, "hf.safetensors"), "huggingface"))
})
