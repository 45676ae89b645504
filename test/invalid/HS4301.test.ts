import { join } from "node:path"
import { expect, test } from "vitest"
import { checkData, isUsable } from "../../src/runtime/data/check.ts"
import { openData } from "../../src/runtime/data/layouts/index.ts"
import { loadSplit, saveSplit } from "../../src/runtime/data/splitFile.ts"
import { diagnosticsOf, goodFolders, temporary, withCode, write } from "../data/helpers.ts"

const rows = (more = "") => `image,mask,subject${more === "" ? "" : ",part"}\n${[0, 1, 2, 3].map((i) => `images/${i}.png,masks/${i}.png,p${i % 2}${more === "" ? "" : `,${i < 2 ? "train" : "test"}`}`).join("\n")}\n`

test("a subject, or a case, in two parts", async () => {
  const root = await temporary()
  await goodFolders(root)
  await write(join(root, "data.csv"), rows())
  const { cases } = await openData(root)
  const file = join(root, "split.json")
  await saveSplit(file, { seed: 0, by: "case", train: ["0", "1", "2"], validation: ["2"], test: ["3"] }, { root, cases })
  expect(await diagnosticsOf(() => loadSplit(file, cases))).toMatchObject([
    { file, code: "HS4301", message: "cases are in two parts of the split: 2" },
    { file, code: "HS4301", message: "subjects are in two parts of the split: p0, p1" },
  ])
})

test("the parts that the data come in", async () => {
  const root = await temporary()
  await goodFolders(root)
  await write(join(root, "data.csv"), rows("part"))
  const report = await checkData(root)
  expect(withCode(report.diagnostics, "HS4301")).toMatchObject([{ severity: "error", message: "subjects are in two of the parts that the data come in: p0, p1" }])
  expect(isUsable(report)).toBe(false)
})
