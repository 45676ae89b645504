/** A name that attacks every medium it is written into. */
import { spawnSync } from "node:child_process"
import { existsSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { basename, dirname, join, resolve } from "node:path"
import fc from "fast-check"
import { describe, expect, test } from "vitest"
import { packageRoot } from "../../src/compiler/frontend/package.ts"
import {
  fileName,
  latex,
  legal,
  markdown,
  markdownCode,
  python,
  visible,
  xml,
} from "../../src/compiler/report/escape.ts"
import { csvField } from "../../src/runtime/data/csv.ts"

/** ESC, and a mark that turns text around. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const steering = /[\u001b\u202e]/
const text = fc.string({ unit: "binary", maxLength: 40 })

describe("for every text", () => {
  test("a file's name stays in its folder, and two names have two", () => {
    fc.assert(
      fc.property(text, (name) => {
        const file = fileName(name)
        expect(dirname(resolve("/out", file))).toBe("/out")
        expect(basename(file)).toBe(file)
        expect(file.length).toBeLessThanOrEqual(120)
        expect(file).toMatch(/^[\p{L}\p{N}_%][\p{L}\p{N}_.%-]*$/u)
      }),
    )
    fc.assert(fc.property(text, text, (a, b) => a === b || fileName(a) !== fileName(b)))
    for (const name of ["..", ".", "", "../../escape", "a/b", "/etc/passwd", "con", "a\0", "-rf", "x".repeat(300)])
      expect(dirname(resolve("/out", fileName(name))), name).toBe("/out")
    expect(fileName("haSam_1.5-x")).toBe("haSam_1.5-x")
  })
  test("no control character is left, and nothing that closes what it is in", () => {
    fc.assert(
      fc.property(text, (name) => {
        for (const escaped of [visible, markdown, markdownCode, latex, python])
          expect(escaped(name)).not.toMatch(/\p{C}/u)
        expect(xml(name)).not.toMatch(/[<>"']|&(?!(?:amp|lt|gt|quot|#39);)/)
        expect(legal(name)).not.toMatch(steering)
        expect(python(name)).not.toMatch(/["\\\n]/)
        expect(markdown(name)).not.toMatch(/(^|[^\\])[|<`*[]/)
        expect(csvField(name)).not.toMatch(/^[=+\-@](?!\d+(\.\d+)?(e[+-]?\d+)?$)/i)
      }),
    )
  })
})
test("formulas of spreadsheets are texts; numbers stay numbers", () => {
  expect(["=1+1", "+x", "-x", "@a", "\tx", "a"].map(csvField)).toEqual(["'=1+1", "'+x", "'-x", "'@a", "'\tx", "a"])
  expect(['=HYPERLINK("http://x","y")', -1.5, "-2", "+3e5"].map(csvField)).toEqual([
    `"'=HYPERLINK(""http://x"",""y"")"`,
    "-1.5",
    "-2",
    "+3e5",
  ])
})

test("an export named ../../escape writes inside --out, in every form; a terminal is not steered", () => {
  const folder = mkdtempSync(join(tmpdir(), "hasam-"))
  const name = `../../escape \\u001b[31m<b>\\u0022\\u0022\\u0022|$x$\\u202e`
  writeFileSync(
    join(folder, "spec.ts"),
    `import { conv2d, masks, model, pixels, sequential } from "hasam"
const net = model(sequential(conv2d(3, 1, 3)), { name: "net", takes: { image: pixels({ size: 8 }) }, teaches: { masks: masks() } })
export { net as "${name}", net as plain }
`,
  )
  const run = (...args: readonly string[]) =>
    spawnSync(
      process.execPath,
      [join(packageRoot, "bin/hasam.js"), "compile", "spec.ts", "--out", "a/b/out", ...args],
      {
        cwd: folder,
        encoding: "utf8",
        env: { ...process.env, NO_COLOR: "1" },
      },
    )
  const reports = run("--report", "text,md,html,svg,tex")
  expect(reports.status, reports.stderr).toBe(0)
  for (const target of ["onnx", "pytorch"]) expect(run("--target", target).status, target).toBe(0)
  expect(readdirSync(join(folder, "a"))).toEqual(["b"])
  expect(readdirSync(join(folder, "a/b"))).toEqual(["out"])
  expect(existsSync(join(folder, "escape"))).toBe(false)
  for (const file of readdirSync(join(folder, "a/b/out")).filter((file) => file.startsWith("report.")))
    expect(readFileSync(join(folder, "a/b/out", file), "utf8"), file).not.toMatch(
      file.endsWith(".txt") ? steering : new RegExp(`${steering.source}|<b>`),
    )
  expect(reports.stdout + reports.stderr).not.toMatch(steering)
})
