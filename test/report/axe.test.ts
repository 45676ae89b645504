/// <reference lib="dom" />
/** Reports, diffs and comparisons are read by everyone: axe finds nothing in them, light and dark, nor in print. */
import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { pathToFileURL } from "node:url"
import { type Browser, chromium } from "playwright-core"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { type Results, saveResults } from "../../src/runtime/metrics/results.ts"
import { conventions } from "../../src/runtime/metrics/segmentation.ts"
import { violationsOf } from "../axe.ts"
import { executablePath, isHere } from "../chromium.ts"
import { ran } from "../cli/session.ts"

const here = isHere("axe on the report and on a diff")
const folder = mkdtempSync(join(tmpdir(), "hasam-axe-"))
const hasam = (...args: readonly string[]): string => {
  const { status, out, talk } = ran({ args, cwd: folder, env: process.env })
  expect(status, talk).toBe(0)
  return out
}

describe.skipIf(!here)("the HTML of a report, of a diff, and of a comparison", () => {
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
    hasam("compile", small, "--report", "html", "--out", folder)
    const [a, b] = ["whole", "aModelWithAVeryLongNameThatSomebodyGaveIt"].map((name) => `${small}#${name}`)
    writeFileSync(join(folder, "diff.html"), hasam("diff", a!, b!, "--format", "html"))
    const many = join(folder, "many.ts")
    const variants = Array.from({ length: 14 }, (_, i) => `export const variant${i} = freezeAll(net)`)
    writeFileSync(
      many,
      `import { conv2d, define, features, forward, freezeAll, linear, model, pixels, point, unitRange } from "hasam"
const network = define("Pointer", { stem: conv2d(3, 4, 8, { stride: 8 }), head: linear(4, 2) }, { image: features(3) }, (m, { image }) => ({
  where: m.head(forward.mean(forward.rearrange<4>(m.stem(image), "b c h w -> b (h w) c"), 1)),
}))
const net = model(network, { name: "Pointer", takes: { image: pixels({ size: 32, ...unitRange }) }, teaches: { where: point() } })
${variants.join("\n")}
`,
    )
    hasam("compile", many, "--brief", "--report", "html", "--out", join(folder, "many"))
    for (const [model, shift] of [
      ["near", 0.01],
      ["far", 0.2],
      ["reference", 0],
    ] as const) {
      const cases = Array.from({ length: 12 }, (_, i) => {
        const dice = 0.7 - shift + 0.02 * (i % 5)
        return { id: `c${i}`, dice, iou: dice / (2 - dice), hd95: 40 * (1 - dice), nsd: dice }
      })
      const results: Results = {
        model,
        dataset: "nerves",
        unit: "mm",
        trainable: 31,
        conventions: conventions(),
        cases,
      }
      mkdirSync(join(folder, "runs", model), { recursive: true })
      await saveResults(join(folder, "runs", model, "results.json"), results)
    }
    const runs = ["near", "far", "reference"].map((model) => join(folder, "runs", model))
    writeFileSync(join(folder, "compare.html"), hasam("compare", ...runs, "--format", "html"))
    browser = await chromium.launch({ executablePath, args: ["--no-sandbox"] })
  })
  afterAll(() => browser.close())

  test.each([
    { file: "report", colorScheme: "light", media: "screen", width: 1280 },
    { file: "report", colorScheme: "dark", media: "screen", width: 390 },
    { file: "report", colorScheme: "light", media: "print", width: 1280 },
    { file: "diff", colorScheme: "light", media: "screen", width: 390 },
    { file: "diff", colorScheme: "dark", media: "screen", width: 1280 },
    { file: "compare", colorScheme: "light", media: "screen", width: 390 },
    { file: "compare", colorScheme: "dark", media: "screen", width: 1280 },
    { file: "compare", colorScheme: "light", media: "print", width: 794 },
    { file: "many/report", colorScheme: "dark", media: "screen", width: 390 },
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

  test("of many models the overview is the page: it sorts, and a link unfolds a model", async () => {
    const page = await browser.newPage({ viewport: { width: 1280, height: 900 } })
    await page.goto(pathToFileURL(join(folder, "many/report.html")).href)
    const open = page.locator("section > details[open]")
    expect(await page.locator("section > details").count()).toBe(14)
    expect(await open.count()).toBe(0)
    const first = page.locator("tbody tr").first()
    const before = await first.locator("th").textContent()
    await page.getByRole("button", { name: "model" }).click()
    await page.getByRole("button", { name: "model" }).click()
    expect(await first.locator("th").textContent()).toBe("variant9")
    expect(before).toBe("variant0")
    await page.getByRole("link", { name: "variant7", exact: true }).click()
    await open.waitFor()
    expect(await open.locator("h2").allTextContents()).toEqual(["variant7"])
    await page.close()
  })
})
