import { test } from "vitest"
import { inspect } from "../../src/runtime/weights/index.ts"
import { documented } from "../weights/documented.ts"
import { safetensors, temporary } from "../weights/tools.ts"

test("offsets outside the file", async () => {
  const header = { "image_encoder.pos_embed": { dtype: "F32", shape: [1, 64, 64, 768], data_offsets: [0, 12582912] } }
  await documented("HS3003", inspect(await temporary("sam.safetensors", safetensors(header, new Uint8Array(1000)))))
})
