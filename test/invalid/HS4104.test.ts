import { rm } from "node:fs/promises"
import { join } from "node:path"
import { expect, test } from "vitest"
import { openData } from "../../src/runtime/data/layouts/index.ts"
import { diagnosticsOf, goodFolders, scan, temporary, write, writeGrey } from "../data/helpers.ts"

test("a mask without an image", async () => {
  const root = await temporary()
  await goodFolders(root)
  await rm(join(root, "images", "2.png"))
  expect(await diagnosticsOf(() => openData(root))).toMatchObject([{ file: join(root, "masks", "2.png"), code: "HS4104" }])
})

test("a row of Kaggle's table without an image", async () => {
  const root = await temporary()
  await writeGrey(join(root, "train", "1_1.tif"), 10, 8, scan(10, 8))
  await write(join(root, "train_masks.csv"), "subject,img,pixels\n1,1,1 2\n1,2,\n")
  expect(await diagnosticsOf(() => openData(root))).toMatchObject([
    { file: join(root, "train_masks.csv"), line: 3, code: "HS4104", message: "there is a mask for 1_2.tif, and no such image" },
  ])
})
