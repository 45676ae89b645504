import { readFile, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { test } from "vitest"
import { inspect } from "../../src/runtime/weights/index.ts"
import { documented } from "../weights/documented.ts"
import { folder, here } from "../weights/tools.ts"

test("cut off", async () => {
  const path = join(await folder(), "sam_vit_b.pth")
  await writeFile(path, (await readFile(here("zip-torch2.pth"))).subarray(0, 3000))
  await documented("HS3002", inspect(path))
})
