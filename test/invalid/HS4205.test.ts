import { join } from "node:path"
import { expect, test } from "vitest"
import { checkData, isUsable } from "../../src/runtime/data/check.ts"
import { goodFolders, rectangle, temporary, withCode, writeGrey } from "../data/helpers.ts"

test("some are empty: a warning; all are: nothing can be learnt", async () => {
  const root = await temporary()
  await goodFolders(root)
  await writeGrey(join(root, "masks", "1.png"), 10, 8, rectangle(10, 8, 0))
  const some = await checkData(root)
  expect(withCode(some.diagnostics, "HS4205")).toMatchObject([{ severity: "warning", message: "1 of 4 masks are empty: 1" }])
  expect(isUsable(some)).toBe(true)
  const none = await checkData(root, { class: 1 })
  expect(withCode(none.diagnostics, "HS4205")).toMatchObject([{ severity: "error", message: "all masks are empty: none holds class 1", help: "The masks hold 0; 0 and 255." }])
  expect(isUsable(none)).toBe(false)
})
