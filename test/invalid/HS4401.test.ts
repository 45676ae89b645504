import { join } from "node:path"
import { expect, test } from "vitest"
import { readPoints } from "../../src/runtime/data/prompts.ts"
import { diagnosticsOf, temporary, write } from "../data/helpers.ts"

test.each([
  ["p.csv", "id,x\na,1\n", [{ line: 0, message: "the table has no column y" }]],
  ["p.csv", "id,x,y\na,1,\nb,1,2\nc,one,2\n", [{ line: 2, message: "'1, ' is not a point" }, { line: 4, message: "'one, 2' is not a point" }]],
  ["p.json", "{", [{ message: "these are no points: the file is not JSON" }]],
  ["p.json", '{"a": {"x": 1}}', [{ message: "these are no points: look at 'a'" }]],
])("%s %j", async (name, text, expected) => {
  const file = join(await temporary(), name)
  await write(file, text)
  expect(await diagnosticsOf(() => readPoints(file))).toMatchObject(expected.map((one) => ({ file, code: "HS4401", ...one })))
})
