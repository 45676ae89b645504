import { join } from "node:path"
import { expect, test } from "vitest"
import { checkData, isUsable } from "../../src/runtime/data/check.ts"
import { goodFolders, rectangle, temporary, withCode, writeGrey } from "../data/helpers.ts"

test("0 and 1 beside 0 and 255: a warning, and both are read", async () => {
  const root = await temporary()
  await goodFolders(root)
  await writeGrey(join(root, "masks", "1.png"), 10, 8, rectangle(10, 8, 1))
  const report = await checkData(root)
  expect(withCode(report.diagnostics, "HS4204")).toMatchObject([{ severity: "warning", message: "masks are stored in several ways: 0 and 1; 0 and 255" }])
  expect([isUsable(report), report.masks.empty]).toEqual([true, 0])
})
