import { expect, test } from "vitest"
import { checkData, isUsable } from "../../src/runtime/data/check.ts"
import { goodFolders, temporary } from "../data/helpers.ts"

test("unknown subjects are said, and do not stop anything", async () => {
  const root = await temporary()
  await goodFolders(root)
  const report = await checkData(root)
  expect(report.diagnostics).toMatchObject([{ file: root, code: "HS4304", severity: "warning" }])
  expect(isUsable(report)).toBe(true)
  expect((await checkData(root, { subject: /\d/ })).diagnostics).toEqual([])
})
