import { join } from "node:path"
import { expect, test } from "vitest"
import { checkData } from "../../src/runtime/data/check.ts"
import { goodFolders, temporary, write } from "../data/helpers.ts"

test.each([
  ["", "the image cannot be read: the file is empty"],
  ["<html>not found</html>", "the image cannot be read: it is of no known image format"],
])("a file that is no image: %j", async (text, message) => {
  const root = await temporary()
  await goodFolders(root)
  await write(join(root, "images", "1.png"), text)
  const { diagnostics, cases } = await checkData(root)
  expect(cases).toBe(4)
  expect(diagnostics).toMatchObject([{ file: join(root, "images", "1.png"), code: "HS4201", message }, { code: "HS4304" }])
})
