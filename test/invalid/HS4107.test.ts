import { join } from "node:path"
import { expect, test } from "vitest"
import { openData } from "../../src/runtime/data/layouts/index.ts"
import { diagnosticsOf, goodFolders, scan, temporary, write, writeGrey } from "../data/helpers.ts"

test("two images of one name", async () => {
  const root = await temporary()
  await goodFolders(root)
  await writeGrey(join(root, "images", "2.tif"), 10, 8, scan(10, 8, 77))
  const diagnostics = await diagnosticsOf(() => openData(root))
  expect(diagnostics.map(({ code }) => code)).toContain("HS4107")
})

test("two rows of one name", async () => {
  const root = await temporary()
  await writeGrey(join(root, "a.png"), 10, 8, scan(10, 8))
  await write(join(root, "data.csv"), "image,mask\na.png,a.png\na.png,a.png\n")
  expect(await diagnosticsOf(() => openData(root))).toMatchObject([{ line: 3, code: "HS4107", message: "a is listed twice" }])
})
