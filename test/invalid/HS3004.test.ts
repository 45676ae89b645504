import { test } from "vitest"
import { inspect } from "../../src/runtime/weights/index.ts"
import { documented } from "../weights/documented.ts"
import { safetensors, temporary } from "../weights/tools.ts"

test("a dtype that is not read", async () => {
  const header = { "neck.0.weight": { dtype: "F8_E4M3", shape: [4], data_offsets: [0, 4] } }
  await documented("HS3004", inspect(await temporary("sam.safetensors", safetensors(header, new Uint8Array(4)))))
})
