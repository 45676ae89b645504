import { readFile, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { expect, test } from "vitest"
import { checkData, isUsable } from "../../src/runtime/data/check.ts"
import { dataReportText } from "../../src/runtime/data/checkText.ts"
import { goodFolders, rectangle, scan, temporary, withCode, write, writeGrey } from "./helpers.ts"

test("good data", async () => {
  const root = await temporary()
  await goodFolders(root)
  const report = await checkData(root)
  expect(report).toMatchObject({
    layout: "folders",
    cases: 4,
    subjects: null,
    sizes: [{ width: 10, height: 8, images: 4 }],
    images: { grey: 4, colour: 0 },
    masks: { files: 4, empty: 0, encodings: { "0 and 255": 4 }, foreground: { smallest: 6 / 80, largest: 6 / 80 } },
  })
  expect(isUsable(report)).toBe(true)
  expect(dataReportText(report)).toContain("fine: nothing that would spoil a result, 1 warning")
})

test("all that is wrong is found at once, by the files' names", async () => {
  const root = await temporary()
  await goodFolders(root, 6)
  const at = (...path: string[]) => join(root, ...path)
  await writeGrey(at("images", "lonely.png"), 10, 8, scan(10, 8, 50)) // no mask
  await writeGrey(at("masks", "orphan.png"), 10, 8, rectangle(10, 8)) // no image
  await writeGrey(at("masks", "0.png"), 8, 10, rectangle(8, 10)) // another size
  await writeGrey(at("masks", "1.png"), 10, 8, rectangle(10, 8, 0)) // empty
  await writeGrey(at("masks", "2.png"), 10, 8, rectangle(10, 8, 1)) // 0 and 1
  await writeGrey(
    at("masks", "3.png"),
    10,
    8,
    rectangle(10, 8).map((v, i) => (i === 79 ? 7 : v)),
  ) // two classes
  await writeFile(at("images", "4.png"), (await readFile(at("images", "4.png"))).subarray(0, 60)) // cut off
  await write(at("images", "note.txt"), "not an image")
  const report = await checkData(root)
  const files = (code: Parameters<typeof withCode>[1]) => withCode(report.diagnostics, code).map(({ file }) => file)
  expect(files("HS4103")).toEqual([at("images", "lonely.png")])
  expect(files("HS4104")).toEqual([at("masks", "orphan.png")])
  expect(files("HS4202")).toEqual([at("masks", "0.png")])
  expect(files("HS4203")).toEqual([at("masks", "3.png")])
  expect(files("HS4201")).toEqual([at("images", "4.png")])
  expect(withCode(report.diagnostics, "HS4205")).toMatchObject([
    { severity: "warning", message: "1 of 3 masks are empty: 1" },
  ])
  expect(withCode(report.diagnostics, "HS4204")).toMatchObject([
    { message: "masks are stored in several ways: 0 and 1; 0 and 255" },
  ])
  expect(isUsable(report)).toBe(false)
  const text = dataReportText(report)
  expect(text).toContain("not usable: 5 errors")
  expect(JSON.parse(JSON.stringify(report))).toEqual(report)
})

test("progress is told", async () => {
  const root = await temporary()
  await goodFolders(root, 3)
  const seen: string[] = []
  await checkData(root, { onProgress: (done, total) => seen.push(`${done}/${total}`) })
  expect(seen).toEqual(["1/3", "2/3", "3/3"])
})
