import { mkdir } from "node:fs/promises"
import { join } from "node:path"
import { expect, test } from "vitest"
import { openData } from "../../src/runtime/data/layouts/index.ts"
import { diagnosticsOf, temporary, write } from "../data/helpers.ts"

test("folders without images", async () => {
  const root = await temporary()
  await mkdir(join(root, "images"))
  await mkdir(join(root, "masks"))
  expect(await diagnosticsOf(() => openData(root))).toMatchObject([{ file: root, code: "HS4102", message: "there are no images" }])
})

test("a table without rows", async () => {
  const file = join(await temporary(), "data.csv")
  await write(file, "image,mask\n")
  expect(await diagnosticsOf(() => openData(file))).toMatchObject([{ file, code: "HS4102" }])
})
