import { join } from "node:path"
import { expect, test } from "vitest"
import { openPart } from "../../src/runtime/trainingOptions.ts"
import { saveSplit } from "../../src/runtime/data/splitFile.ts"
import { openData } from "../../src/runtime/data/layouts/index.ts"
import { diagnosticsOf, goodFolders, temporary } from "../data/helpers.ts"

test("HS5330: a part of a saved split without images", async () => {
  const root = await temporary()
  await goodFolders(root, 3)
  const data = await openData(root)
  const split = join(root, "split.json")
  const ids = data.cases.map(({ id }) => id)
  await saveSplit(split, { seed: 0, by: "case", train: ids, validation: [], test: [] }, data)
  const asked = { seed: 0, split, otherData: false }
  expect((await openPart(root, {}, { ...asked, part: "train" })).chosen.length).toBe(3)
  expect(await diagnosticsOf(() => openPart(root, {}, { ...asked, part: "validation" }))).toMatchObject([
    { code: "HS5330", message: "there is nothing to evaluate: no image is in the part 'validation'" },
  ])
})
