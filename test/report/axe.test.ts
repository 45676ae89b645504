/// <reference lib="dom" />
/** The report is read by everyone: axe finds nothing in it, light and dark, nor in print. */
import { spawnSync } from "node:child_process"
import { mkdtempSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { pathToFileURL } from "node:url"
import { type Browser, chromium } from "playwright-core"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { packageRoot } from "../../src/compiler/frontend/package.ts"
import { violationsOf } from "../axe.ts"
import { executablePath, isHere } from "../chromium.ts"

const here = isHere("axe on the report and on a diff")
const folder = mkdtempSync(join(tmpdir(), "hasam-axe-"))

describe.skipIf(!here)("the HTML of a report and of a diff", () => {
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
    const [a, b] = ["whole", "aModelWithAVeryLongNameThatSomebodyGaveIt"].map((name) => `${small}#${name}`)
    const compared = spawnSync(process.execPath, [args[0]!, "diff", a!, b!, "--format", "html"], { encoding: "utf8" })
    expect(compared.status, compared.stderr).toBe(0)
    writeFileSync(join(folder, "diff.html"), compared.stdout)
    browser = await chromium.launch({ executablePath, args: ["--no-sandbox"] })
  })
  afterAll(() => browser.close())

  test.each([
    { file: "report", colorScheme: "light", media: "screen", width: 1280 },
    { file: "report", colorScheme: "dark", media: "screen", width: 390 },
    { file: "report", colorScheme: "light", media: "print", width: 1280 },
    { file: "diff", colorScheme: "light", media: "screen", width: 390 },
    { file: "diff", colorScheme: "dark", media: "screen", width: 1280 },
  ] as const)("$file, $colorScheme, on $media, $width px", async ({ file, colorScheme, media, width }) => {
    const page = await browser.newPage({ colorScheme, bypassCSP: true, viewport: { width, height: 900 } })
    await page.emulateMedia({ media, colorScheme })
    await page.goto(pathToFileURL(join(folder, `${file}.html`)).href)
    expect(await violationsOf(page)).toEqual([])
    expect(await page.evaluate(() => document.documentElement.scrollWidth <= window.innerWidth)).toBe(true)
    if (process.env["SHOTS"] !== undefined)
      await page.screenshot({
        path: join(process.env["SHOTS"], `${file}-${colorScheme}-${media}-${width}.png`),
        fullPage: true,
      })
    await page.close()
  })
})
