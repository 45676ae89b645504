import { expect, test } from "vitest"
import { conv2d, given, linear, model, pixels } from "../../src/dsl/index.ts"
import { pixelsOf, taughtOf } from "../../src/runtime/task/index.ts"

test("HS5311: a model of tokens cannot be fed images; a model that teaches nothing has no answer to compare", () => {
  const tokens = model(linear(8, 8), { name: "tokens", takes: { x: given([16, 8]) } }).data
  expect(() => pixelsOf(tokens)).toThrow(/HS5311: the model takes no image/)
  const silent = model(conv2d(3, 8, 3), { name: "silent", takes: { image: pixels({ size: 32 }) } }).data
  expect(() => taughtOf(silent)).toThrow(/HS5311: the model teaches nothing/)
})
