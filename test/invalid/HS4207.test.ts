import { join } from "node:path"
import { expect, test } from "vitest"
import { checkData } from "../../src/runtime/data/check.ts"
import { goodFolders, scan, temporary, withCode, writeGrey } from "../data/helpers.ts"

test("copies: a warning, and an error where a split parts them", async () => {
  const root = await temporary()
  await goodFolders(root)
  await writeGrey(join(root, "images", "3.png"), 10, 8, scan(10, 8, 1)) // as image 0
  expect(withCode((await checkData(root)).diagnostics, "HS4207")).toMatchObject([{ severity: "warning", message: "images are there more than once: 0 = 3" }])
  const split = { seed: 0, by: "case" as const, train: ["0", "1"], validation: ["2"], test: ["3"] }
  const report = await checkData(root, { split: { file: "split.json", split } })
  expect(withCode(report.diagnostics, "HS4207")).toMatchObject([{ severity: "error", message: "the same image is in two parts: 0 = 3" }])
})
