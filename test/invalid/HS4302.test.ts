import { expect, test } from "vitest"
import { kFolds, splitCases } from "../../src/runtime/data/split.ts"
import { diagnosticsOf } from "../data/helpers.ts"

const cases = (n: number, subjects: number) =>
  Array.from({ length: n }, (_, i) => ({ id: `${i}`, image: "", mask: { kind: "files" as const, paths: [] }, subject: `p${i % subjects}` }))

test("two subjects cannot make three parts, nor three subjects five folds", async () => {
  expect(await diagnosticsOf(() => splitCases(cases(100, 2), { root: "data" }))).toMatchObject([{ file: "data", code: "HS4302", message: "2 subjects cannot be split into 3 parts" }])
  expect(await diagnosticsOf(() => kFolds(cases(100, 3), 5))).toMatchObject([{ code: "HS4302", message: "3 subjects cannot make 5 folds" }])
})
