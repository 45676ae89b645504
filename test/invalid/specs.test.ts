/** One spec for each HS1 code: what it is told, word for word, in the file beside it. `UPDATE=1` writes them anew. */
import { once } from "node:events"
import { readdirSync, readFileSync, writeFileSync } from "node:fs"
import { join, relative } from "node:path"
import { Worker } from "node:worker_threads"
import { afterEach, describe, expect, test, vi } from "vitest"
import { packageRoot } from "../../src/compiler/frontend/package.ts"

const here = import.meta.dirname
// The built one: a spec runs in a thread, which starts from JavaScript.
const load = (path: string): Promise<any> => import(/* @vite-ignore */ join(packageRoot, "dist", path))

/** As the command prints it, paths from the repository's root, without colours. */
const told = async (spec: string): Promise<string> => {
  const { compileSpecs } = await load("compiler/compile.js")
  const { receivingOf } = await load("compiler/analysis/summary.js")
  const { diagnosticText } = await load("cli/output.js")
  const { report } = await compileSpecs([spec], { receives: receivingOf })
  const plain = (text: string) => text
  const colors = { red: plain, yellow: plain, bold: plain, dim: plain }
  return report.diagnostics.map((d: object) => `${diagnosticText(d, colors)}\n`).join("")
}

afterEach(() => vi.unstubAllEnvs())
const specs = readdirSync(here).filter((name) => /^HS1\d+\.ts$/.test(name) || name === "ten-mistakes.ts")

describe("a spec for each code", () => {
  test.each(specs)("%s", async (name) => {
    const out = join(here, name.replace(/\.ts$/, ".out"))
    // Only what never ends has a short limit: on a busy machine others may take their time.
    if (name === "HS1006.ts") vi.stubEnv("HASAM_SPEC_LIMIT", "1000")
    const text = await told(relative(process.cwd(), join(here, name)))
    if (process.env["UPDATE"] === "1") writeFileSync(out, text)
    expect(text).toBe(readFileSync(out, "utf8"))
    const code = name.replace(/\.ts$/, "")
    if (code.startsWith("HS")) expect(text).toContain(` ${code}: `)
  })
})

test("where a spec does not end is found without stopping threads that are not its own", async () => {
  const other = new Worker("const { parentPort } = require('node:worker_threads'); parentPort.on('message', (x) => parentPort.postMessage(x + 1))", { eval: true })
  const answered = (x: number) => {
    const answer = once(other, "message")
    other.postMessage(x)
    return answer
  }
  try {
    expect(await answered(1)).toEqual([2])
    vi.stubEnv("HASAM_SPEC_LIMIT", "1000")
    expect(await told(relative(process.cwd(), join(here, "HS1006.ts")))).toContain("HS1006.ts(5,1): error HS1006")
    expect(await answered(2)).toEqual([3])
  } finally {
    await other.terminate()
  }
})

test("ten different mistakes are all told in one run, each once, in the order of the source", async () => {
  const text = await told(relative(process.cwd(), join(here, "ten-mistakes.ts")))
  const found = [...text.matchAll(/\((\d+),(\d+)\): error (HS\d+)/g)]
  expect(found.map(([, , , code]) => code)).toHaveLength(10)
  expect(new Set(found.map(([, , , code]) => code)).size).toBe(10)
  const lines = found.map(([, line]) => Number(line))
  expect(lines).toEqual(lines.toSorted((a, b) => a - b))
})

test("HS1001: no such file, no index.ts, not TypeScript", async () => {
  const { compileSpecs } = await load("compiler/compile.js")
  const { report } = await compileSpecs(["nowhere", "docs", "package.json"])
  expect(report.diagnostics.map(({ code }: { code: string }) => code)).toEqual(["HS1001", "HS1001", "HS1001"])
  expect(report.diagnostics.map(({ message }: { message: string }) => message)).toEqual([
    "there is no file or folder 'nowhere'",
    "the folder 'docs' has no index.ts",
    "'package.json' is not a TypeScript file",
  ])
})
