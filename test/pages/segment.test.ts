/** The segment page as users meet it: written and served by the commands, in headless Chromium, with real files, clicks, drags and keys. */
import { type ChildProcess, execFileSync, spawn } from "node:child_process"
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { type BrowserContext, chromium, type Page } from "playwright-core"
import sharp from "sharp"
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest"
import { cpu } from "../../src/backends/onnx/engine.ts"
import { packageRoot } from "../../src/compiler/frontend/package.ts"
import { box, centre } from "../../src/dsl/training.ts"
import { modelWeights } from "../../src/runtime/base.ts"
import { emitForBrowser } from "../../src/runtime/browser/emit.ts"
import { readImage, readLabels } from "../../src/runtime/data/image.ts"
import { prepare } from "../../src/runtime/data/prepare.ts"
import { emptyMask } from "../../src/runtime/data/raster.ts"
import type { Sample } from "../../src/runtime/data/reader.ts"
import { pixelsOf } from "../../src/runtime/task/index.ts"
import { predictor } from "../../src/runtime/training/predict.ts"
import { save } from "../../src/runtime/weights/save.ts"
import { promptable, unet } from "../models/specs.ts"

const executablePath = process.env.CHROMIUM ?? "/usr/bin/chromium"
const here = existsSync(executablePath)
if (!here) console.warn(`SKIPPED: the page's test: no ${executablePath} (scripts/setup-system.sh installs it)`)

const quiet = [
  "--headless",
  "--no-sandbox",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
]
const flags = {
  webgpu: ["--enable-unsafe-webgpu", "--use-webgpu-adapter=swiftshader"],
  wasm: ["--disable-features=WebGPU"],
}

const smallSam = `import { sam } from "hasam"
export const small = sam({ imageSize: 64, patchSize: 16, width: 16, depth: 1, heads: 2, globalBlocks: [0], outChannels: 16, maskChannels: 8,
  decoder: { depth: 1, heads: 2, mlpWidth: 16, iouWidth: 8, iouDepth: 2, maskTokens: 2 } })
`
const pointer = `import { define, features, forward, linear, model, conv2d, pixels, point, sequential, relu, unitRange } from "hasam"
const network = define("Pointer", { stem: sequential(conv2d(3, 4, 8, { stride: 8 }), relu), head: linear(4, 2) }, { image: features(3) }, (m, { image }) => ({
  where: m.head(forward.mean(forward.rearrange<4>(m.stem(image), "b c h w -> b (h w) c"), 1)),
}))
export const finder = model(network, { name: "Pointer", takes: { image: pixels({ size: 32, ...unitRange }) }, teaches: { where: point() } })
`

/** Specs are evaluated by the build, as the commands do. */
const { selectModel }: typeof import("../../src/runtime/select.ts") = await import(
  /* @vite-ignore */ join(packageRoot, "dist/runtime/select.js")
)

/** What the page tells scripts of an answer. */
interface Told {
  readonly values: readonly number[]
  readonly runs: { readonly image: number; readonly questions: number }
}

describe.skipIf(!here)("the segment page", () => {
  vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 })
  const folder = mkdtempSync(join(tmpdir(), "hasam-page-"))
  const at = (name: string) => join(folder, name)
  const hasam = (...args: readonly string[]) =>
    execFileSync(process.execPath, [join(packageRoot, "bin/hasam.js"), ...args], {
      cwd: folder,
      encoding: "utf8",
      stdio: "pipe",
    })
  const contexts: BrowserContext[] = []
  let server: ChildProcess
  let origin: string
  const trouble: string[] = []

  beforeAll(async () => {
    for (const [name, text] of Object.entries({ sam: smallSam, unet, promptable, pointer }))
      writeFileSync(at(`${name}.ts`), text)
    for (const [spec, name] of [
      ["sam.ts", "small"],
      ["unet.ts", "unet"],
      ["promptable.ts", "clicker"],
      ["pointer.ts", "finder"],
    ]) {
      const { model } = await selectModel(`${at(spec!)}#${name}`)
      const { tensors: drawn } = await modelWeights(model.data, undefined, 1)
      // Without a bias at its end, the U-Net finds several classes.
      const tensors = Object.fromEntries(
        Object.entries(drawn).map(([n, t]) => [n, n === "outc.bias" ? { ...t, data: t.data.map(() => 0) } : t]),
      )
      await save(at(`${name}.safetensors`), tensors)
      const options = {
        folder: at(`pages/${name}`),
        page: join(packageRoot, "dist/pages/segment"),
        weights: at(`${name}.safetensors`),
      }
      // One through the command, the others as the command does it.
      if (name === "clicker")
        hasam(
          "compile",
          `${spec}#${name}`,
          "--target",
          "webgpu",
          "--weights",
          options.weights,
          "--out",
          "pages",
          "--brief",
        )
      else await emitForBrowser(model.data, options)
    }
    mkdirSync(at("images"))
    const [width, height] = [90, 60]
    const data = Uint8Array.from({ length: 3 * width * height }, (_, i) => {
      const [x, y, c] = [Math.floor(i / 3) % width, Math.floor(i / 3 / width), i % 3]
      return (Math.hypot(x - 50, y - 30) < 18 ? 190 : 70) + ((7 * x + 13 * y + 31 * c) % 40)
    })
    await sharp(data, { raw: { width, height, channels: 3 } })
      .png()
      .toFile(at("images/phantom.png"))
    // One server for all pages, as a static server would have it: each folder by itself is what 'hasam serve' is given.
    writeFileSync(at("pages/index.html"), "<!doctype html><title>pages</title>")
    server = spawn(process.execPath, [join(packageRoot, "bin/hasam.js"), "serve", "pages", "--port", "0"], {
      cwd: folder,
    })
    origin = await new Promise<string>((resolve) =>
      server.stdout!.once("data", (line: Buffer) => resolve(String(line).trim())),
    )
  })
  afterAll(async () => {
    for (const context of contexts) await context.close()
    server?.kill()
    rmSync(folder, { recursive: true, force: true })
  })

  const visit = async (name: string, engine: keyof typeof flags): Promise<Page> => {
    const context = await chromium.launchPersistentContext(at(`profile-${engine}-${name}`), {
      executablePath,
      headless: true,
      args: [...quiet, ...flags[engine]],
      viewport: { width: 1280, height: 800 },
      acceptDownloads: true,
    })
    contexts.push(context)
    context.setDefaultTimeout(60_000)
    // Of the whole browser: pages, workers and what they load.
    context.on("request", (request) => {
      if (!request.url().startsWith(origin) && !/^(blob|data):/.test(request.url()))
        trouble.push(`left: ${request.url()}`)
    })
    const page = await context.newPage()
    page.on("pageerror", (error) => trouble.push(error.message))
    page.on("console", (message) => {
      if (/Content Security Policy|violates/i.test(message.text())) trouble.push(message.text())
    })
    await page.addInitScript(() => {
      const told: unknown[] = []
      Object.assign(globalThis, { told })
      document.addEventListener("securitypolicyviolation", (event) => console.log(`violates ${event.blockedURI}`))
      document.addEventListener("hasam:answer", (event) => {
        const { answers, runs } = (event as CustomEvent).detail
        told.push({ values: [...answers[0].values], runs })
      })
    })
    await page.goto(`${origin}${name}/index.html`)
    await page.waitForFunction(() => /Choose an image/.test(document.querySelector("#status")!.textContent!))
    return page
  }
  const answered = async (page: Page, n: number): Promise<Told> => {
    await page.waitForFunction((count) => (globalThis as unknown as { told: unknown[] }).told.length >= count, n)
    return page.evaluate((i) => (globalThis as unknown as { told: Told[] }).told[i]!, n - 1)
  }
  const ready = (page: Page) =>
    page.waitForFunction(() => /Ready after/.test(document.querySelector("#status")!.textContent!))
  /** A place of the image, on the screen. */
  const spot = async (page: Page, x: number, y: number) => {
    const area = (await page.locator("#canvas").boundingBox())!
    return { x: area.x + ((x + 0.5) * area.width) / 90, y: area.y + ((y + 0.5) * area.height) / 60 }
  }
  const click = async (page: Page, x: number, y: number, keys: readonly "Shift"[] = []) => {
    const to = await spot(page, x, y)
    for (const key of keys) await page.keyboard.down(key)
    await page.mouse.click(to.x, to.y)
    for (const key of keys) await page.keyboard.up(key)
  }

  /** What 'hasam eval' would segment: the same file, the CPU engine. */
  const expected = async (
    spec: string,
    name: string,
    asked: { readonly point?: { x: number; y: number }; readonly box?: Sample["box"] } = {},
  ) => {
    const { model } = await selectModel(`${at(spec)}#${name}`)
    const { tensors } = await modelWeights(model.data, at(`${name}.safetensors`), 0)
    const image = await readImage(at("images/phantom.png"))
    const sample = prepare(
      { image, mask: emptyMask(image.width, image.height), point: asked.point },
      pixelsOf(model.data),
    )
    const using = await predictor(cpu(), model.data, tensors, asked.box === undefined ? centre : box)
    const [, h, w] = sample.image.shape as [number, number, number]
    const scaled = asked.box?.map((v, i) => v * (i % 2 === 0 ? w / image.width : h / image.height)) as never
    const logits = await using.predict({
      ...sample,
      case: { id: "phantom", image: "", masks: [] } as never,
      ...(scaled ? { box: scaled } : {}),
    })
    await using.dispose()
    return logits
  }
  const worst = (a: ArrayLike<number>, b: ArrayLike<number>) => {
    expect(a.length).toBe(b.length)
    return Array.from(a).reduce((most, x, i) => Math.max(most, Math.abs(x - b[i]!)), 0)
  }

  test("a promptable network: clicks, a box, objects, undo, keys, downloads", async () => {
    const page = await visit("clicker", "webgpu")
    expect(await page.textContent("#engine")).toContain("WebGPU")
    expect(await page.isHidden("#untrained")).toBe(true)
    await page.setInputFiles("#image", at("images/phantom.png"))
    await ready(page)
    await click(page, 50, 30)
    const first = await answered(page, 1)
    expect(worst(first.values, await expected("promptable.ts", "clicker", { point: { x: 50, y: 30 } }))).toBeLessThan(
      1e-4,
    )
    expect(first.runs).toEqual({ image: 1, questions: 1 })
    const inside = first.values.filter((x) => x > 0).length
    expect(inside > 100 && inside < 5300).toBe(true)
    await page.waitForFunction(
      (n) => document.querySelector("#objects")!.textContent!.includes(`Object 1: ${n.toLocaleString("en")} pixels`),
      inside,
    )
    await click(page, 5, 5, ["Shift"])
    // The image is not looked at again.
    expect((await answered(page, 2)).runs).toEqual({ image: 1, questions: 2 })
    await page.keyboard.press("Control+z")
    await page.waitForFunction(
      (n) => document.querySelector("#objects")!.textContent!.includes(` ${n.toLocaleString("en")} pixels`),
      inside,
    )
    await page.keyboard.press("n")
    const [from, to] = [await spot(page, 20, 10), await spot(page, 70, 50)]
    await page.mouse.move(from.x, from.y)
    await page.mouse.down()
    await page.mouse.move(to.x, to.y, { steps: 4 })
    await page.mouse.up()
    const boxed = await answered(page, 3)
    expect(worst(boxed.values, await expected("promptable.ts", "clicker", { box: [20, 10, 70, 50] }))).toBeLessThan(
      1e-4,
    )
    expect(boxed.runs).toEqual({ image: 1, questions: 3 })
    expect(await page.locator("#objects li").count()).toBe(2)
    const [png] = await Promise.all([page.waitForEvent("download"), page.click("#masks")])
    expect(png.suggestedFilename()).toBe("phantom_mask_1.png")
    await png.saveAs(at("mask.png"))
    const saved = await readLabels(at("mask.png"))
    expect([saved.width, saved.height]).toEqual([90, 60])
    expect(Array.from(saved.values).filter((v) => v === 255).length).toBe(inside)
    const [table] = await Promise.all([
      page.waitForEvent("download", (d) => d.suggestedFilename().endsWith(".csv")),
      page.click("#table"),
    ])
    expect(table.suggestedFilename()).toBe("phantom.csv")
    if (process.env.SCREENSHOTS) await page.screenshot({ path: join(process.env.SCREENSHOTS, "wide.png") })
    await page.setViewportSize({ width: 390, height: 844 })
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(390)
    if (process.env.SCREENSHOTS)
      await page.screenshot({ path: join(process.env.SCREENSHOTS, "phone.png"), fullPage: true })
    // Keys alone: the cross starts in the middle.
    await page.click("#clear")
    await page.focus("#canvas")
    await page.keyboard.press("ArrowRight")
    await page.keyboard.press("Enter")
    const byKeys = await answered(page, 4)
    expect(worst(byKeys.values, await expected("promptable.ts", "clicker", { point: { x: 46, y: 30 } }))).toBeLessThan(
      1e-4,
    )
  })

  test("a small SAM: the mask is that of hasam eval, in the image's own size, without padding", async () => {
    const page = await visit("small", "webgpu")
    await page.setInputFiles("#image", at("images/phantom.png"))
    await ready(page)
    await click(page, 50, 30)
    const first = await answered(page, 1)
    expect(worst(first.values, await expected("sam.ts", "small", { point: { x: 50, y: 30 } }))).toBeLessThan(1e-4)
    await click(page, 40, 20)
    expect((await answered(page, 2)).runs).toEqual({ image: 1, questions: 2 })
    await page.setInputFiles("#image", { name: "no.png", mimeType: "image/png", buffer: Buffer.from("no") })
    await page.waitForFunction(() =>
      /is no image that this browser reads/.test(document.querySelector("#status")!.textContent!),
    )
  })

  test("without WebGPU: classes at once on WebAssembly, with a legend; weights of another model in words", async () => {
    const page = await visit("unet", "wasm")
    expect(await page.textContent("#engine")).toContain("WebAssembly")
    await page.setInputFiles("#image", at("images/phantom.png"))
    const { values } = await answered(page, 1)
    expect(worst(values, await expected("unet.ts", "unet"))).toBeLessThan(1e-4)
    await page.waitForFunction(() => document.querySelectorAll("#objects li").length === 2)
    const n = values.length / 3
    const classes = Array.from({ length: n }, (_, i) => {
      const logits = [values[i]!, values[n + i]!, values[2 * n + i]!]
      return logits.indexOf(Math.max(...logits))
    })
    expect(new Set(classes).size).toBeGreaterThan(1)
    const count = (k: number) => classes.filter((one) => one === k).length.toLocaleString("en")
    expect(await page.textContent("#objects")).toBe(`nerve: ${count(1)} pixelsvessel: ${count(2)} pixels`)
    if (process.env.SCREENSHOTS) await page.screenshot({ path: join(process.env.SCREENSHOTS, "classes.png") })
    await page.setInputFiles("#weights", at("clicker.safetensors"))
    await page.waitForSelector("#status.error")
    expect(await page.textContent("#status")).toContain("these are weights of another model")
    await page.setInputFiles("#weights", { name: "w.safetensors", mimeType: "", buffer: Buffer.from("no") })
    await page.waitForFunction(() => /HS3002/.test(document.querySelector("#status")!.textContent!))
    await page.setInputFiles("#weights", at("unet.safetensors"))
    expect(worst((await answered(page, 2)).values, values)).toBe(0)
    await page.goto(`${origin}finder/index.html`)
    await page.waitForFunction(() => /Choose an image/.test(document.querySelector("#status")!.textContent!))
    await page.setInputFiles("#image", at("images/phantom.png"))
    expect(worst((await answered(page, 1)).values, await expected("pointer.ts", "finder"))).toBeLessThan(1e-3)
    expect(await page.textContent("#objects")).toMatch(/Point: x [\d.-]+, y [\d.-]+/)
  })

  test("nothing left the machine, nothing broke the policy, nothing was thrown", () => expect(trouble).toEqual([]))
})
