import fc from "fast-check"
import { left, right } from "fp-ts/lib/Either.js"
import { expect, test } from "vitest"
import { decodeRle, encodeRle } from "../../src/runtime/data/rle.ts"
import { maskOf } from "./helpers.ts"

test("runs count from 1 and go down the columns", () => {
  const mask = maskOf(["#..", "#.#", "..#"])
  expect(encodeRle(mask)).toBe("1 2 8 2")
  expect(decodeRle("1 2 8 2", mask)).toEqual(right(mask))
  expect(decodeRle("", { width: 2, height: 1 })).toEqual(right(maskOf([".."])))
  expect(decodeRle("3 2", { width: 2, height: 3 })).toEqual(right(maskOf([".#", "..", "#."]))) // over a column's end
})

test("every mask comes back", () => {
  const masks = fc
    .tuple(fc.integer({ min: 1, max: 12 }), fc.integer({ min: 1, max: 12 }))
    .chain(([width, height]) =>
      fc
        .uint8Array({ min: 0, max: 1, minLength: width * height, maxLength: width * height })
        .map((data) => ({ width, height, data })),
    )
  fc.assert(
    fc.property(masks, (mask) => {
      expect(decodeRle(encodeRle(mask), mask)).toEqual(right(mask))
    }),
  )
})

test.each([
  ["1 2 3", "it has 3 numbers, and runs are pairs of start and length"],
  ["1 x", "'x' is not a whole number"],
  ["-1 2", "'-1' is not a whole number"],
  ["0 2", "run 1 is '0 2'; both count from 1"],
  ["5 2 6 1", "run 2 starts at 6, before the one before it ends"],
  ["8 3", "run 1 ends at pixel 10 of an image of 9"],
])("bad runs: %s", (runs, message) => {
  expect(decodeRle(runs, { width: 3, height: 3 })).toEqual(left(message))
})
