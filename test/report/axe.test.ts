/// <reference lib="dom" />
/** The report is read by everyone: axe finds nothing in it, light and dark, nor in print. */
import { spawnSync } from "node:child_process"
import { mkdtempSync, readFileSync, writeFileSync } from "node:fs"
import { createRequire } from "node:module"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { pathToFileURL } from "node:url"
import { type Browser, chromium } from "playwright-core"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { packageRoot } from "../../src/compiler/frontend/package.ts"
import { executablePath, isHere } from "../chromium.ts"

const here = isHere("axe on the report")
const folder = mkdtempSync(join(tmpdir(), "hasam-axe-"))

describe.skipIf(!here)("the HTML report", () => {
  let browser: Browser
  beforeAll(async () => {
    const small = join(folder, "small.ts")
    writeFileSync(
      small,
      `import { adapt, afterAttention, expectTrainable, freezeAll, linear, pipe, sam, uniform } from "hasam"
const net = sam({ imageSize: 32, patchSize: 8, width: 16, depth: 2, heads: 2, globalBlocks: [0], outChannels: 16, maskChannels: 4,
  decoder: { depth: 1, heads: 2, mlpWidth: 16, iouWidth: 8, iouDepth: 2, maskTokens: 2 } })
export const aModelWithAVeryLongNameThatSomebodyGaveIt = pipe(net, freezeAll, adapt(uniform(2, 3), () => [afterAttention(linear(16, 16))]), expectTrainable(544))
export const whole = net
`,
    )
    const args = [join(packageRoot, "bin/hasam.js"), "compile", small, "--report", "html", "--out", folder]
    const { status, stderr } = spawnSync(process.execPath, args, { encoding: "utf8" })
    expect(status, stderr).toBe(0)
    browser = await chromium.launch({ executablePath, args: ["--no-sandbox"] })
  })
  afterAll(() => browser.close())

  test.each([
    { colorScheme: "light", media: "screen" },
    { colorScheme: "dark", media: "screen" },
    { colorScheme: "light", media: "print" },
  ] as const)("$colorScheme, on $media", async ({ colorScheme, media }) => {
    const page = await browser.newPage({ colorScheme, bypassCSP: true })
    await page.emulateMedia({ media, colorScheme })
    await page.goto(pathToFileURL(join(folder, "report.html")).href)
    await page.evaluate(readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8"))
    const violations = await page.evaluate(async () => {
      const { axe } = globalThis as unknown as {
        axe: { run(): Promise<{ violations: { id: string; nodes: { html: string }[] }[] }> }
      }
      return (await axe.run()).violations.map(({ id, nodes }) => `${id}: ${nodes[0]!.html}`)
    })
    expect(violations).toEqual([])
    expect(await page.evaluate(() => document.documentElement.scrollWidth <= window.innerWidth)).toBe(true)
    await page.close()
  })
})
