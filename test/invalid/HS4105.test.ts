import { join } from "node:path"
import { expect, test } from "vitest"
import { openData } from "../../src/runtime/data/layouts/index.ts"
import { diagnosticsOf, scan, temporary, write, writeGrey } from "../data/helpers.ts"

test.each([
  ["image,mask\na.png,m.png,x\n", 0, "the table cannot be read: Invalid Record Length: columns length is 2, got 3 on line 2"],
  ["picture,outline\na,b\n", 0, "the table has no column image and mask"],
  ["image,mask\n,m.png\n", 2, "the row has no image"],
  ["image,mask\na.png,\n", 2, "the row has no mask"],
  ["image,mask,spacing\na.png,m.png,wide\n", 2, "the spacing 'wide, wide' is not two positive numbers"],
  ["image,mask,part\na.png,m.png,exam\n", 2, "the part 'exam' is unknown"],
])("%j", async (text, line, message) => {
  const root = await temporary()
  for (const name of ["a.png", "m.png"]) await writeGrey(join(root, name), 10, 8, scan(10, 8))
  const file = join(root, "data.csv")
  await write(file, text)
  expect(await diagnosticsOf(() => openData(file))).toMatchObject([{ file, line, code: "HS4105", message }])
})

test("all rows' problems at once, and files that are not there", async () => {
  const file = join(await temporary(), "data.csv")
  await write(file, "image,mask\n,m.png\nb.png,c.png\n")
  expect(await diagnosticsOf(() => openData(file))).toMatchObject([
    { line: 2, code: "HS4105" },
    { line: 2, code: "HS4002", message: "there is no file 'm.png'; the same of 2 more: line 3, line 3" },
  ])
})
