import { readFile } from "node:fs/promises"
import { expect } from "vitest"
import type { Code } from "../../src/compiler/codes/index.ts"
import { problems } from "./tools.ts"

/** The work fails with this code alone, and the code's page shows exactly this message and this cure. */
export const documented = async (code: Code, work: Promise<unknown>): Promise<void> => {
  const found = await problems(work)
  expect(found.map((problem) => problem.code)).toEqual([code])
  const page = await readFile(new URL(`../../docs/errors/${code}.md`, import.meta.url), "utf8").catch(() => "")
  const [first] = found
  expect(first!.help).toBeDefined()
  expect(page).toContain(`error ${code}: ${first!.message}\n  help: ${first!.help}\n`)
}
