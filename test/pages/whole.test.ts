/** What holds for both pages: axe finds nothing, they open without a network, they read what the commands read; and a page of one's own by hasam/browser. */
import { readFileSync, writeFileSync } from "node:fs"
import { createRequire } from "node:module"
import type { Page } from "playwright-core"
import sharp from "sharp"
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest"
import { bundleForBrowser } from "../../src/runtime/browser/bundle.ts"
import { readImage } from "../../src/runtime/data/image.ts"
import { unet } from "../models/specs.ts"
import { here, picture, Site, status } from "./site.ts"

type Browser = typeof import("../../src/runtime/browser/index.ts")

describe.skipIf(!here)("both pages", () => {
  // A software GPU compiles and runs every shader on the processor, which the tests may share with others.
  vi.setConfig({ testTimeout: 400_000, hookTimeout: 400_000 })
  let site: Site
  beforeAll(async () => {
    site = new Site()
    await site.write("unet.ts", unet, "unet", undefined, { half: true })
    await bundleForBrowser(site.at("pages/own"))
    writeFileSync(
      site.at("pages/own/index.html"),
      `<!doctype html><title>own</title><p id="status"></p><script type="module">import * as hasam from "./hasam.js"
globalThis.hasam = hasam; document.querySelector("#status").textContent = "ready"</script>`,
    )
    await site.serve()
  })
  afterAll(() => site.end())

  const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8")
  const faults = async (page: Page): Promise<readonly string[]> => {
    await page.evaluate(axe)
    return page.evaluate(async () => {
      type Run = { run(): Promise<{ violations: { id: string; nodes: { html: string }[] }[] }> }
      const { violations } = await (globalThis as unknown as { axe: Run }).axe.run()
      return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(" ")}`)
    })
  }

  test("axe finds nothing, in light and dark, wide and on a phone; without a network they open", async () => {
    const page = await site.visit("unet/index.html", "wasm", /Choose an image/)
    await page.click("#example")
    await status(page, /Segmented in/)
    await page.click("#display summary")
    expect(await faults(page)).toEqual([])
    await picture(page, "example-wide")
    await page.emulateMedia({ colorScheme: "dark" })
    await page.setViewportSize({ width: 390, height: 844 })
    expect(await faults(page)).toEqual([])
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(390)
    await page.goto(`${site.origin}unet/train.html`)
    await status(page, /Choose a folder/)
    expect(await faults(page)).toEqual([])
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(390)
    await page.evaluate(() => navigator.serviceWorker.ready.then(() => undefined))
    site.stopServing()
    await page.goto(`${site.origin}unet/index.html`)
    await status(page, /Choose an image/)
    await page.click("#example")
    await status(page, /Segmented in/)
    await site.serve(Number(new URL(site.origin).port))
  })

  test("hasam/browser: files are read as the commands read them, a model is opened, shown an image and asked", async () => {
    const [width, height] = [40, 30]
    const wide = Uint16Array.from({ length: width * height }, (_, i) => 257 * ((7 * (i % width) + 3 * i) % 250) + 3)
    const raw = { width, height, channels: 1 } as const
    const grey = sharp(wide, { raw }).toColourspace("grey16")
    const kinds = {
      "a.png": grey.clone().png(),
      "a.tif": grey.clone().tiff({ compression: "lzw" }),
      "b.tif": grey.clone().tiff({ compression: "deflate", predictor: "horizontal" }),
      "c.png": sharp(
        Uint8Array.from(wide, (v) => v >> 8),
        { raw },
      ).png({ palette: true, colours: 16 }),
    }
    const page = await site.visit("own/index.html", "wasm", /ready/)
    for (const [name, image] of Object.entries(kinds)) {
      const bytes = await image.toBuffer()
      writeFileSync(site.at(name), bytes)
      const found = await page.evaluate(
        async ({ given, called, base }) => {
          const { hasam } = globalThis as unknown as { readonly hasam: Browser }
          const model = await hasam.openModel(base, { engine: "wasm" })
          const read = await model.read(called, new Blob([Uint8Array.from(given)]))
          await model.embed(read)
          const [answer] = await model.segment()
          await model.dispose()
          return { data: [...read.data], channels: read.channels, values: answer!.values.length }
        },
        { given: [...bytes], called: name, base: `${site.origin}unet/` },
      )
      const expected = await readImage(site.at(name))
      expect({ name, channels: found.channels, data: found.data }).toEqual({
        name,
        channels: expected.channels,
        data: [...expected.data],
      })
      expect(found.values).toBe(3 * width * height)
    }
    const large = await sharp({ create: { width: 8000, height: 8000, channels: 3, background: "#777" } })
      .png()
      .toBuffer()
    const refused = await page.evaluate(
      async ({ given, base }) => {
        const { hasam } = globalThis as unknown as { readonly hasam: Browser }
        const model = await hasam.openModel(base, { engine: "wasm" })
        return model.read("large.png", new Blob([Uint8Array.from(atob(given), (c) => c.charCodeAt(0))])).then(
          () => "",
          (problem: Error) => problem.message,
        )
      },
      { given: large.toString("base64"), base: `${site.origin}unet/` },
    )
    expect(refused).toMatch(/HS4211: the image has 8000 × 8000 pixels/)
  })

  test("nothing left the machine, nothing broke the policy, nothing was thrown", () => expect(site.trouble).toEqual([]))
})
