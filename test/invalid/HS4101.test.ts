import { expect, test } from "vitest"
import { checkData } from "../../src/runtime/data/check.ts"
import { openData } from "../../src/runtime/data/layouts/index.ts"
import { diagnosticsOf, temporary, write } from "../data/helpers.ts"
import { join } from "node:path"

test("a folder of something else", async () => {
  const root = await temporary()
  await write(join(root, "readme.txt"), "hello")
  expect(await diagnosticsOf(() => openData(root))).toMatchObject([{ file: root, code: "HS4101", message: "no known layout of data is found here" }])
  expect((await checkData(root)).diagnostics).toMatchObject([{ code: "HS4101" }])
})

test("several tables", async () => {
  const root = await temporary()
  for (const name of ["a.csv", "b.csv"]) await write(join(root, name), "image,mask\n")
  expect(await diagnosticsOf(() => openData(root))).toMatchObject([{ code: "HS4101", message: "several tables could describe the data: a.csv, b.csv" }])
})
