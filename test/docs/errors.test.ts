import { existsSync, readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, test } from "vitest"
import { codes } from "../../src/compiler/codes/index.ts"
import { packageRoot } from "../../src/compiler/frontend/package.ts"

const page = (code: string): string => join(packageRoot, "docs/errors", `${code}.md`)
const tests = join(packageRoot, "test/invalid")
const texts = readdirSync(tests)
  .filter((name) => name.endsWith(".test.ts"))
  .map((name) => readFileSync(join(tests, name), "utf8"))
  .join("\n")

describe.each(Object.entries(codes))("%s", (code, { title }) => {
  test("has a page that begins with its title", () => {
    expect(existsSync(page(code))).toBe(true)
    expect(readFileSync(page(code), "utf8")).toContain(code)
    expect(title.length).toBeGreaterThan(5)
  })
  test("has a test", () => expect(existsSync(join(tests, `${code}.ts`)) || texts.includes(code)).toBe(true))
  test("shows on its page what its test is told", () => {
    const out = join(tests, `${code}.out`)
    if (existsSync(out)) expect(readFileSync(page(code), "utf8")).toContain(readFileSync(out, "utf8"))
  })
})

test("no page is about a code that does not exist", () => {
  const pages = readdirSync(join(packageRoot, "docs/errors")).map((name) => name.replace(/\.md$/, ""))
  expect(pages.filter((code) => !(code in codes))).toEqual([])
})
