import { rm } from "node:fs/promises"
import { join } from "node:path"
import { expect, test } from "vitest"
import { openData } from "../../src/runtime/data/layouts/index.ts"
import { diagnosticsOf, goodFolders, temporary } from "../data/helpers.ts"

test("an image without a mask", async () => {
  const root = await temporary()
  await goodFolders(root)
  await rm(join(root, "masks", "2.png"))
  expect(await diagnosticsOf(() => openData(root))).toMatchObject([{ file: join(root, "images", "2.png"), code: "HS4103", message: "the image has no mask" }])
})
