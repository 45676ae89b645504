import { deflateRawSync } from "node:zlib"
import { test } from "vitest"
import { inspect } from "../../src/runtime/weights/index.ts"
import { archive } from "../weights/archives.ts"
import { documented } from "../weights/documented.ts"
import { temporary } from "../weights/tools.ts"

test("a zip bomb", async () => {
  const data = new Uint8Array(2 ** 24)
  const bomb = { name: "archive/data.pkl", data, method: 8, stored: deflateRawSync(data) }
  await documented("HS3006", inspect(await temporary("sam.pth", archive([bomb]))))
})
