import { join } from "node:path"
import { expect, test } from "vitest"
import { pixels } from "../../src/dsl/task.ts"
import { fromFile } from "../../src/dsl/training.ts"
import { openData } from "../../src/runtime/data/layouts/index.ts"
import type { Point } from "../../src/runtime/data/prompts.ts"
import { reader } from "../../src/runtime/data/reader.ts"
import { diagnosticsOf, goodFolders, temporary } from "../data/helpers.ts"

test.each([
  [new Map<string, Point>(), "there is no point for 0"],
  [new Map([["0", { x: 10, y: 2 }]]), "the point (10, 2) of 0 lies outside its image of 10 × 8 pixels"],
])("%o", async (points, message) => {
  const root = await temporary()
  await goodFolders(root, 1)
  const { cases } = await openData(root)
  const samples = reader({ pixels: pixels({ size: 20, fit: "longestSide" }), prompt: fromFile, points }).evaluation(cases)
  expect(await diagnosticsOf(() => samples.next())).toMatchObject([{ file: join(root, "images", "0.png"), code: "HS4402", message }])
})
