/** Every package of the lock file has a licence that this project may be shipped with, and docs/licences.md lists them. `UPDATE=1` writes it anew. */
import { readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, test } from "vitest"
import { pageParts, parts } from "../../scripts/parts.js"
import { packageRoot } from "../../src/compiler/frontend/package.ts"

interface Locked {
  readonly version: string
  readonly license?: string
  readonly dev?: boolean
}
const lock = JSON.parse(readFileSync(join(packageRoot, "package-lock.json"), "utf8")) as {
  readonly packages: Readonly<Record<string, Locked>>
}

/** Permissive; and copyleft of libraries or files only, which are used unchanged and replaceable. */
const allowed = new Set([
  "MIT",
  "ISC",
  "0BSD",
  "BSD-2-Clause",
  "BSD-3-Clause",
  "Apache-2.0",
  "BlueOak-1.0.0",
  "CC0-1.0",
  "Python-2.0",
  "Zlib",
])
const unchanged = new Set(["LGPL-3.0-or-later", "MPL-2.0"])
/** Their package.json says nothing; their LICENSE files do. */
const read: Readonly<Record<string, string>> = { jstat: "MIT" }

const licences = (expression: string): readonly string[] => expression.replace(/[()]/g, "").split(/ (?:AND|OR) /)
const packages = Object.entries(lock.packages)
  .filter(([path]) => path !== "")
  .map(([path, { version, license, dev = false }]) => {
    const name = path.split("node_modules/").at(-1)!
    return { path, name, version, license: license ?? read[name] ?? "unknown", dev }
  })

test.each(packages)("$name: $license", ({ license }) => {
  for (const one of licences(license)) expect(allowed.has(one) || unchanged.has(one), one).toBe(true)
})
describe("packages whose package.json names no licence", () => {
  test.each(Object.entries(read))("%s has its %s text", (name, licence) => {
    expect(readFileSync(join(packageRoot, "node_modules", name, "LICENSE"), "utf8")).toContain(licence)
  })
})

test("docs/licences.md lists what an installation brings", () => {
  const within = new Set([...Object.values(parts).flat(), ...pageParts])
  const shipped = packages.filter(({ name, dev }) => !dev || within.has(name))
  const lines = [...new Set(shipped.map(({ name, version, license }) => `| ${name} | ${version} | ${license} |`))]
  const text = `# Licences of what is installed with hasam\n\nFrom package-lock.json, packages for other platforms included. Those under the LGPL (libvips, behind sharp) and the MPL are used unchanged and can be replaced. Parts of ${[...within].sort().join(", ")} travel within hasam, with their licences in dist/LICENSES.txt.\n\n| package | version | licence |\n|---|---|---|\n${lines.sort().join("\n")}\n`
  const file = join(packageRoot, "docs/licences.md")
  if (process.env["UPDATE"] === "1") writeFileSync(file, text)
  expect(readFileSync(file, "utf8"), "UPDATE=1 npx vitest run test/docs/licences.test.ts").toBe(text)
})
