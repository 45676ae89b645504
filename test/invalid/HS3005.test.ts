import { test } from "vitest"
import { inspect } from "../../src/runtime/weights/index.ts"
import { archive } from "../weights/archives.ts"
import { documented } from "../weights/documented.ts"
import { pickle, temporary } from "../weights/tools.ts"

test("a pickle that calls a function", async () => {
  const hostile = "\x80\x02cos\nsystem\nX\x08\0\0\0rm -rf ~\x85R."
  const path = await temporary("sam.pth", archive([{ name: "a/data.pkl", data: pickle(hostile) }]))
  await documented("HS3005", inspect(path))
})
