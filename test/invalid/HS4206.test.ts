import { join } from "node:path"
import { expect, test } from "vitest"
import { checkData, isUsable } from "../../src/runtime/data/check.ts"
import { goodFolders, rectangle, scan, temporary, withCode, writeGrey } from "../data/helpers.ts"

test("everything is foreground", async () => {
  const root = await temporary()
  await goodFolders(root, 2)
  await writeGrey(join(root, "masks", "0.png"), 10, 8, new Uint8Array(80).fill(255))
  expect(withCode((await checkData(root)).diagnostics, "HS4206")).toMatchObject([{ severity: "warning", message: "1 of 2 masks cover the whole image: 0" }])
  await writeGrey(join(root, "masks", "1.png"), 10, 8, new Uint8Array(80).fill(255))
  const report = await checkData(root)
  expect(withCode(report.diagnostics, "HS4206")).toMatchObject([{ severity: "error", message: "every pixel of every mask is foreground" }])
  expect(isUsable(report)).toBe(false)
})

test("one of BUSI's classes only", async () => {
  const root = await temporary()
  for (const i of [1, 2]) {
    await writeGrey(join(root, "benign", `benign (${i}).png`), 10, 8, scan(10, 8, i))
    await writeGrey(join(root, "benign", `benign (${i})_mask.png`), 10, 8, rectangle(10, 8))
  }
  expect(withCode((await checkData(root)).diagnostics, "HS4206")).toMatchObject([{ severity: "warning", message: "all cases are of one class, 'benign'" }])
})
