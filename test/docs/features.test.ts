import { readFileSync } from "node:fs"
import { join } from "node:path"
import { expect, test } from "vitest"
import { supportTable } from "../../src/backends/tfjs/support.ts"
import { packageRoot } from "../../src/compiler/frontend/package.ts"

test("FEATURES.md has the table of ops that the code has", () => {
  const text = readFileSync(join(packageRoot, "FEATURES.md"), "utf8")
  const [, table] = /<!-- support -->\n([\s\S]*?)\n<!-- end -->/.exec(text) ?? []
  expect(table).toBe(supportTable().trim())
})
