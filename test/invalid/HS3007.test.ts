import { test } from "vitest"
import { inspect } from "../../src/runtime/weights/index.ts"
import { archive } from "../weights/archives.ts"
import { documented } from "../weights/documented.ts"
import { pickle, temporary } from "../weights/tools.ts"

test("no state dict", async () => {
  const path = await temporary("scores.pth", archive([{ name: "a/data.pkl", data: pickle("\x80\x02}(X\x05\0\0\0epochK\x03X\x04\0\0\0diceG?\xf0\0\0\0\0\0\0u.") }]))
  await documented("HS3007", inspect(path))
})
