import { join } from "node:path"
import { writeFileSync } from "node:fs"
import { expect, test } from "vitest"
import { readNames } from "../../src/runtime/weights/names.ts"
import { documented } from "../weights/documented.ts"
import { folder, problems } from "../weights/tools.ts"

const dir = await folder()
const read = (text: string, name = "names.json") => {
  writeFileSync(join(dir, name), text)
  return readNames(join(dir, name))
}
test("stars that have no partner", () =>
  documented("HS3019", read('{ "tensors": { "layers.*.blocks.*": "encoder.layers.*" } }')))
test.each([
  ["the map of names is not JSON", "{ tensors: }"],
  ["the map of names lacks a right 'tensors'", '{ "leftOut": [] }'],
  ["the map of names lacks a right 'leftOut'", '{ "tensors": {}, "leftOut": "head.*" }'],
  ["the map of names lacks a right 'tensors.a'", '{ "tensors": { "a": 3 } }'],
  ["the map of names has a 'leftout', which says nothing", '{ "tensors": {}, "leftout": [] }'],
  ["'a' becomes nothing", '{ "tensors": { "a": [] } }'],
  ["'a' is turned as 'transposed'", '{ "tensors": { "a": { "to": "b", "as": "transposed" } } }'],
])("%s", async (message, text) => {
  const [told, ...more] = await problems(read(text))
  expect(more).toEqual([])
  expect({ code: told!.code, message: told!.message }).toEqual({ code: "HS3019", message })
})
