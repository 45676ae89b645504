/** What holds for both pages: axe finds nothing, they open without a network, they read what the commands read; and pages of one's own by hasam/browser. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs"
import { createRequire } from "node:module"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import type { Page } from "playwright-core"
import sharp from "sharp"
import { build } from "vite"
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest"
import { packageRoot } from "../../src/compiler/frontend/package.ts"
import { bundleForBrowser } from "../../src/runtime/browser/bundle.ts"
import { readImage } from "../../src/runtime/data/image.ts"
import { promptable, unet } from "../models/specs.ts"
import { answered, here, losses, picture, Site, spot, status, worst } from "./site.ts"

type Browser = typeof import("../../src/runtime/browser/index.ts")

/** What the commands read and a page does not, each with its sentence. */
const png = "is not read in a browser: save it as PNG"
const unread: readonly string[] = [
  `bits.tif the image cannot be read: a TIFF that leaves out how many bits a sample has ${png}`,
  "fax.tif the file is a TIFF with CCITT inside, which is not read",
  "group3.tif the file is a TIFF with CCITT inside, which is not read",
  "group4.tif the file is a TIFF with CCITT inside, which is not read",
]

describe.skipIf(!here)("both pages", () => {
  // A software GPU compiles and runs every shader on the processor, which the tests may share with others.
  vi.setConfig({ testTimeout: 400_000, hookTimeout: 400_000 })
  let site: Site
  beforeAll(async () => {
    site = new Site()
    await site.write("unet.ts", unet, "unet", undefined, { half: true })
    await site.write("promptable.ts", promptable, "adapted")
    await bundleForBrowser(site.at("pages/module"))
    writeFileSync(
      site.at("pages/module/index.html"),
      `<!doctype html><title>module</title><p id="status"></p><script type="module">import * as hasam from "./hasam.js"
globalThis.hasam = hasam; document.querySelector("#status").textContent = "ready"</script>`,
    )
    // As `npx vite build` does it in the example's folder, with the package as it was built.
    await build({
      root: join(packageRoot, "examples/browser"),
      logLevel: "error",
      resolve: { alias: { "hasam/browser": join(packageRoot, "dist/runtime/browser/index.js") } },
      build: { outDir: site.at("pages/own"), reportCompressedSize: false },
    })
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

  /** A finger, as a screen reports it. */
  const touch = async (page: Page, fingers: readonly (readonly { x: number; y: number }[])[]) => {
    const session = await page.context().newCDPSession(page)
    await session.send("Emulation.setTouchEmulationEnabled", { enabled: true, maxTouchPoints: 2 })
    for (const [i, places] of fingers.entries())
      await session.send("Input.dispatchTouchEvent", {
        type: i === 0 ? "touchStart" : "touchMove",
        touchPoints: places.map(({ x, y }, id) => ({ x, y, id })),
      })
    await session.send("Input.dispatchTouchEvent", { type: "touchEnd", touchPoints: [] })
    await session.send("Emulation.setTouchEmulationEnabled", { enabled: false })
    await session.detach()
  }
  const pixels = async (page: Page): Promise<number> =>
    Number(/([\d,]+) pixels/.exec((await page.textContent("#objects")) ?? "")?.[1]?.replaceAll(",", "") ?? 0)
  const shown = (page: Page) => page.evaluate(() => document.querySelector<HTMLCanvasElement>("#canvas")!.toDataURL())

  test("a folder: turned by buttons and keys, drawn on, asked by mouse, finger and paste; what was drawn is trained on", async () => {
    const folder = site.at("study")
    mkdirSync(folder)
    const files = fileURLToPath(new URL("../data/files", import.meta.url))
    writeFileSync(join(folder, "a.dcm"), readFileSync(join(files, "spacing.dcm")))
    const [width, height] = [90, 60]
    const scan = (seed: number) =>
      sharp(
        Uint8Array.from({ length: width * height }, (_, i) => ((i % width) * (7 + seed) + 3 * i + 40 * seed) % 250),
        { raw: { width, height, channels: 1 } },
      )
    for (const [i, name] of ["b.png", "c.png", "d.png", "e.png", "f.png"].entries())
      writeFileSync(join(folder, name), await scan(i).png().toBuffer())
    writeFileSync(join(folder, "notes.txt"), "no image")
    const page = await site.visit("adapted/index.html", "wasm", /Choose an image/)
    await page.setInputFiles("#folder", folder)
    await status(page, /Ready/)
    expect(await page.textContent("#which")).toBe("1 of 6")
    expect(await page.textContent("#about-image")).toMatch(/^a.dcm: DICOM, .* mm each$/)
    await page.click("#after")
    await page.waitForFunction(() => document.querySelector("#about-image")!.textContent!.startsWith("b.png"))
    await status(page, /Ready/)

    // The mask under the pointer is seen, and is no answer; the click there is the first.
    const to = await spot(page, 50, 30, width, height)
    const plain = await shown(page)
    await page.mouse.move(to.x, to.y, { steps: 3 })
    await page.waitForFunction(
      (before) => document.querySelector<HTMLCanvasElement>("#canvas")!.toDataURL() !== before,
      plain,
    )
    expect(await page.textContent("#objects")).toBe("")
    await page.mouse.click(to.x, to.y)
    const first = await answered(page, 1)
    expect(first.runs.questions).toBe(1)
    expect(await page.textContent("#times")).toMatch(/looked at the image for .*, once, the first answer took /)

    // A finger, and the wheel: the place under them stays, so its answer is the same.
    await page.click("#clear")
    await page.mouse.move(to.x, to.y)
    await page.mouse.wheel(0, -300)
    await touch(page, [[to]])
    expect(worst((await answered(page, 2)).values, first.values)).toBe(0)
    // Two fingers that part: the place between them stays.
    await page.click("#clear")
    const apart = (by: number) => [
      { x: to.x - by, y: to.y },
      { x: to.x + by, y: to.y },
    ]
    const before = await shown(page)
    await touch(page, [apart(20), apart(30), apart(40)])
    expect(await shown(page)).not.toBe(before)
    await page.mouse.click(to.x, to.y)
    expect(worst((await answered(page, 3)).values, first.values)).toBe(0)
    await page.focus("#canvas")
    await page.keyboard.press("0")

    // The brush: more, then less; by keys back.
    const stroke = async (tool: string) => {
      await page.check(`#tools input[value=${tool}]`, { force: true })
      const [from, end] = [await spot(page, 10, 50, width, height), await spot(page, 30, 52, width, height)]
      await page.mouse.move(from.x, from.y)
      await page.mouse.down()
      await page.mouse.move(end.x, end.y, { steps: 4 })
      await page.mouse.up()
      return pixels(page)
    }
    const asked = await pixels(page)
    const drawn = await stroke("draw")
    expect(await stroke("erase")).not.toBe(drawn)
    await page.keyboard.press("Control+z")
    expect(await pixels(page)).toBe(drawn)
    await page.keyboard.press("Control+z")
    expect(await pixels(page)).toBe(asked)
    await page.keyboard.press("Control+Shift+z")
    expect(await pixels(page)).toBe(drawn)

    // What was done to an image is there when it is turned back to.
    await page.keyboard.press("PageDown")
    await page.waitForFunction(() => document.querySelector("#about-image")!.textContent!.startsWith("c.png"))
    await status(page, /Ready/)
    expect(await page.textContent("#objects")).toBe("")
    await page.keyboard.press("PageUp")
    await page.waitForFunction(() => document.querySelectorAll("#objects li").length === 1)
    expect(await pixels(page)).toBe(drawn)

    // Five of them are drawn on, without a question, and kept.
    for (const n of [1, 2, 3, 4, 5]) {
      if (n > 1) {
        await page.keyboard.press("PageDown")
        await page.waitForFunction((i) => document.querySelector("#which")!.textContent === `${i + 1} of 6`, n)
        await status(page, /Ready/)
        await stroke("draw")
      }
      await page.click("#keep")
      await status(page, /are kept to train on/)
    }
    expect(await page.textContent("#kept-text")).toBe("5 images with their masks are kept in this browser to train on.")

    // Pasted.
    await page.evaluate(
      async (bytes) => {
        const clipboardData = new DataTransfer()
        clipboardData.items.add(new File([Uint8Array.from(bytes)], "pasted.png", { type: "image/png" }))
        document.dispatchEvent(new ClipboardEvent("paste", { clipboardData }))
      },
      [...(await scan(9).png().toBuffer())],
    )
    await page.waitForFunction(() => document.querySelector("#about-image")!.textContent!.startsWith("pasted.png"))
    expect(await page.isHidden("#turns")).toBe(true)

    // The page that trains has them; while one tab trains, another says so, and goes on once that one pauses.
    await page.goto(`${site.origin}adapted/train.html`)
    await status(page, /Choose a folder/)
    await page.waitForFunction(() =>
      document.querySelector("#drawn-text")!.textContent!.startsWith("5 images whose masks were drawn"),
    )
    await page.click("#take-drawn")
    await status(page, /can be learned from/)
    expect(await page.textContent("#counts")).toContain("5 images with their masks")
    await page.fill("#epochs", "5000")
    await page.click("#start")
    await losses(page, 3)
    const other = await site.visit(
      "adapted/train.html",
      "wasm",
      /^Another tab or window of this browser trains this model, since \d\d:\d\d\./,
    )
    expect(await other.isVisible("#resume")).toBe(false)
    await page.click("#pause")
    await status(other, /A training on drawn is kept here/)
    expect(await other.isVisible("#resume")).toBe(true)
    await other.close()
  })

  test("an own page by Vite: a model is opened, an image is segmented, a file that is none is told", async () => {
    const page = await site.visit("own/index.html?model=../unet/", "wasm", /Choose an image/)
    const image = sharp({ create: { width: 40, height: 30, channels: 3, background: "#777" } })
    await page.setInputFiles("#image", { name: "a.png", mimeType: "", buffer: await image.png().toBuffer() })
    await status(page, /^nerve: \d+ pixels, vessel: \d+ pixels/)
    await page.setInputFiles("#image", { name: "a.png", mimeType: "", buffer: Buffer.from("no") })
    await status(page, /^HS4201/)
  })

  test("files are read as the commands read them, or refused by the same code", async () => {
    const folder = fileURLToPath(new URL("../data/files", import.meta.url))
    const entries: readonly { file: string; window?: string }[] = JSON.parse(
      readFileSync(join(folder, "cases.json"), "utf8"),
    )
    const kinds = new Map(
      [...new Set(entries.flatMap(({ file, window }) => (window === undefined ? file : [])))].map((file) => [
        file,
        readFileSync(join(folder, file)),
      ]),
    )
    const rows = sharp({ create: { width: 50, height: 40, channels: 3, background: "#7a3" } })
      .composite([{ input: Buffer.from([9, 200]), raw: { width: 2, height: 1, channels: 1 }, tile: true }])
      .removeAlpha()
    for (const [name, options] of Object.entries({
      "packed.tif": { compression: "packbits" },
      "packed-tiles.tif": { compression: "packbits", tile: true, tileWidth: 16, tileHeight: 16 },
      "fax.tif": { compression: "ccittfax4", bitdepth: 1 },
      "jpeg.tif": { compression: "jpeg" },
      "jpeg-tiles.tif": { compression: "jpeg", tile: true, tileWidth: 16, tileHeight: 16 },
      "zlib-tiles.tif": { compression: "deflate", predictor: "horizontal", tile: true, tileWidth: 16, tileHeight: 16 },
      "white.tif": { compression: "lzw", miniswhite: true },
      "four.tif": { compression: "none", bitdepth: 4 },
    } as const)) {
      const grey = /jpeg|zlib/.test(name) ? rows.clone() : rows.clone().toColourspace("b-w")
      kinds.set(name, await grey.tiff(options).toBuffer())
    }
    for (const part of [0.5, 0.9]) {
      const cut = (name: string) => kinds.get(name)!.subarray(0, Math.floor(part * kinds.get(name)!.length))
      kinds.set(`cut-${part}.tif`, cut("tiled.tif"))
      kinds.set(`cut-${part}-packed.tif`, cut("packed.tif"))
    }
    const long = { width: 8000, height: 40, channels: 3, background: "#777" } as const
    kinds.set("long.png", await sharp({ create: long }).png().toBuffer())
    kinds.set(
      "large.png",
      await sharp({ create: { ...long, height: 8000 } })
        .png()
        .toBuffer(),
    )
    const page = await site.visit("module/index.html", "wasm", /ready/)
    type Found = { readonly data?: Buffer; readonly channels?: number; readonly code?: string; readonly says?: string }
    const ofPage = await page.evaluate(
      async ({ files, base }) => {
        const { openModel, Failed } = (globalThis as unknown as { readonly hasam: Browser }).hasam
        const model = await openModel(`${base}unet/`, { engine: "wasm" })
        const found: [string, { data?: string; channels?: number; code?: string; says?: string }][] = []
        const text = (bytes: Uint8Array) => bytes.reduce((all, byte) => all + String.fromCharCode(byte), "")
        for (const [name, content] of files) {
          const bytes = Uint8Array.from(atob(content), (c) => c.charCodeAt(0))
          found.push([
            name,
            await model.read(name, new Blob([bytes])).then(
              ({ data, channels }) => ({ data: btoa(text(data)), channels }),
              (problem) =>
                problem instanceof Failed
                  ? { code: problem.diagnostics[0].code, says: problem.diagnostics[0].message }
                  : { says: String(problem) },
            ),
          ])
        }
        return found
      },
      { files: [...kinds].map(([name, bytes]) => [name, bytes.toString("base64")] as const), base: site.origin },
    )
    const differ: string[] = []
    const onlyHere: string[] = []
    for (const [name, { data, channels, code, says }] of ofPage) {
      writeFileSync(site.at(name), kinds.get(name)!)
      const commands: Found = await readImage(site.at(name)).then(
        (image) => ({ data: Buffer.from(image.data), channels: image.channels }),
        (problem) => ({ code: problem.diagnostics[0].code }),
      )
      if (commands.code !== undefined || data === undefined) {
        if (commands.code !== code) onlyHere.push(`${name} ${says}`)
        continue
      }
      const pixels = Buffer.from(data, "base64")
      const most = pixels.reduce((so, v, i) => Math.max(so, Math.abs(v - commands.data![i]!)), 0)
      // JPEG and WebP are a browser's own decoders'.
      const off = /jpg|webp|jpeg/.test(name) ? 3 : 0
      if (pixels.length !== commands.data!.length || channels !== commands.channels || most > off)
        differ.push(`${name} by ${most}, ${channels} channels for ${commands.channels}`)
    }
    expect(differ).toEqual([])
    expect(onlyHere.toSorted()).toEqual(unread)
    expect(Object.fromEntries(ofPage)["large.png"]?.says).toMatch(/8000 × 8000 pixels/)
    expect(Object.fromEntries(ofPage)["long.png"]?.data).toBeDefined()
  })

  test("nothing left the machine, nothing broke the policy, nothing was thrown", () => expect(site.trouble).toEqual([]))
})
