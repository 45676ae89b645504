import { dirname, join } from "node:path"
import { expect, test } from "vitest"
import { loadSplit, saveSplit } from "../../src/runtime/data/splitFile.ts"
import { diagnosticsOf, temporary, write } from "../data/helpers.ts"

test.each([
  ["not json", "this is not a split"],
  ['{"$schema":"hasam/split/1","seed":0,"by":"case","train":[1],"validation":[]}', "this is not a split: look at train, test"],
  ['{"$schema":"hasam/split/2","seed":0,"by":"case","cases":[{"id":"a","part":"train"}]}', "this is not a split: look at cases"],
])("%s", async (text, message) => {
  const file = join(await temporary(), "split.json")
  await write(file, text)
  expect(await diagnosticsOf(() => loadSplit(file, []))).toMatchObject([{ file, code: "HS4303", message }])
})

test("a split of other data", async () => {
  const file = join(await temporary(), "split.json")
  const cases = ["a", "b", "c"].map((id) => ({ id, image: `${id}.png`, mask: { kind: "files" as const, paths: [`${id}_mask.png`] } }))
  await saveSplit(file, { seed: 0, by: "case", train: ["a"], validation: ["b"], test: ["c"] }, { root: dirname(file), cases })
  expect(await diagnosticsOf(() => loadSplit(file, []))).toMatchObject([{ code: "HS4303", message: "the split names cases that the data lack: a, b, c" }])
})
