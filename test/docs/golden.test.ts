import { readFileSync } from "node:fs"
import { join } from "node:path"
import { expect, test } from "vitest"
// @ts-expect-error a script without types
import { goldenPages, regenerated } from "../../scripts/golden.js"
import { packageRoot } from "../../src/compiler/frontend/package.ts"

test.each(goldenPages as string[])("%s shows what the commands print", (page) => {
  const text = readFileSync(join(packageRoot, page), "utf8")
  expect(text).toContain("<!-- golden: ")
  expect(regenerated(text)).toBe(text)
})
