/** The segment page as users meet it: written and served by the commands, in headless Chromium, with real files, clicks, drags and keys. */
import { mkdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import type { Page } from "playwright-core"
import sharp from "sharp"
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest"
import { cpu } from "../../src/backends/onnx/engine.ts"
import { box, centre } from "../../src/dsl/training.ts"
import { modelWeights } from "../../src/runtime/base.ts"
import { readImage, readLabels } from "../../src/runtime/data/image.ts"
import { fitted, prepare, resizedTo } from "../../src/runtime/data/prepare.ts"
import { emptyMask } from "../../src/runtime/data/raster.ts"
import type { Sample } from "../../src/runtime/data/reader.ts"
import { member } from "../../src/runtime/segment/member.ts"
import type { Asked } from "../../src/runtime/segment/prompts.ts"
import { pixelsOf } from "../../src/runtime/task/index.ts"
import { predictor } from "../../src/runtime/training/predict.ts"
import { shared } from "../data/helpers.ts"
import { promptable, unet } from "../models/specs.ts"
import { answered, type Engine, here, picture, Site, selectModel, spot, status, worst } from "./site.ts"

const smallSam = `import { adam, sam, training } from "hasam"
export const small = sam({ imageSize: 64, patchSize: 16, width: 16, depth: 1, heads: 2, globalBlocks: [0], outChannels: 16, maskChannels: 8,
  decoder: { depth: 1, heads: 2, mlpWidth: 16, iouWidth: 8, iouDepth: 2, maskTokens: 2 } })
export const how = training(small, { optimizer: adam({ rate: 1e-2 }), epochs: 6, batch: 2 })
`
const pointer = `import { define, features, forward, linear, model, conv2d, pixels, point, sequential, relu, unitRange } from "hasam"
const network = define("Pointer", { stem: sequential(conv2d(3, 4, 8, { stride: 8 }), relu), head: linear(4, 2) }, { image: features(3) }, (m, { image }) => ({
  where: m.head(forward.mean(forward.rearrange<4>(m.stem(image), "b c h w -> b (h w) c"), 1)),
}))
export const finder = model(network, { name: "Pointer", takes: { image: pixels({ size: 32, ...unitRange }) }, teaches: { where: point() } })
`

describe.skipIf(!here)("the segment page", () => {
  // A software GPU compiles and runs every shader on the processor, which the tests may share with others.
  vi.setConfig({ testTimeout: 400_000, hookTimeout: 400_000 })
  let site: Site
  const at = (name: string) => site.at(name)

  beforeAll(async () => {
    site = new Site()
    // The SAM as the README's commands make one: phantoms, a training, what it learned as weights, the page.
    writeFileSync(at("sam.ts"), smallSam)
    for (const line of [
      "data phantoms nerves --count 12 --size 64",
      "train sam.ts --data nerves --out run",
      "weights export run small.safetensors",
      "compile sam.ts --target webgpu --weights small.safetensors --out pages --brief",
    ])
      site.hasam(...line.split(" "))
    // Without a bias at its end, the U-Net finds several classes.
    await site.write("unet.ts", unet, "unet", (name, data) => (name === "outc.bias" ? data.map(() => 0) : data))
    await site.write("pointer.ts", pointer, "finder")
    await site.write("promptable.ts", promptable, "clicker")
    // Through the command too, in 16 bits.
    site.hasam(
      ...["compile", "promptable.ts#clicker", "--target", "webgpu", "--weights", "clicker.safetensors", "--half"],
      ...["--out", "pages/halves", "--brief"],
    )
    mkdirSync(at("images"))
    const [width, height] = [90, 60]
    const data = Uint8Array.from({ length: 3 * width * height }, (_, i) => {
      const [x, y, c] = [Math.floor(i / 3) % width, Math.floor(i / 3 / width), i % 3]
      return (Math.hypot(x - 50, y - 30) < 18 ? 190 : 70) + ((7 * x + 13 * y + 31 * c) % 40)
    })
    await sharp(data, { raw: { width, height, channels: 3 } })
      .png()
      .toFile(at("images/phantom.png"))
    await site.serve()
  })
  afterAll(() => site.end())

  const visit = (name: string, engine: Engine): Promise<Page> =>
    site.visit(`${name}/index.html`, engine, /Choose an image/)
  const ready = (page: Page) => status(page, /Ready after/)
  const place = (page: Page, x: number, y: number) => spot(page, x, y, 90, 60)
  const click = async (page: Page, x: number, y: number, keys: readonly "Shift"[] = []) => {
    const to = await place(page, x, y)
    for (const key of keys) await page.keyboard.down(key)
    await page.mouse.click(to.x, to.y)
    for (const key of keys) await page.keyboard.up(key)
  }

  /** What 'hasam eval' would segment: the same file, the CPU engine. */
  const expected = async (
    spec: string,
    name: string,
    asked: { readonly point?: { x: number; y: number }; readonly box?: Sample["box"] } = {},
    file = at("images/phantom.png"),
  ) => {
    const { model } = await selectModel(`${at(spec)}#${name}`)
    const { tensors } = await modelWeights(model.data, at(`${name}.safetensors`), 0)
    const image = await readImage(file)
    const seen = pixelsOf(model.data)
    const sample = prepare(resizedTo(image, emptyMask(image.width, image.height), seen), { point: asked.point }, seen)
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
  /** The logits that `hasam segment` decides by. */
  const segmented = async (file: string, asked: Asked) => {
    const { model } = await selectModel(`${at("sam.ts")}#small`)
    const { tensors } = await modelWeights(model.data, at("small.safetensors"), 0)
    const one = member(cpu(), { model: model.data, weights: tensors })
    const image = await readImage(file)
    const [seen] = await one.see([fitted(image, one.pixels)])
    const { logits } = await one.ask(seen!, asked, image)
    await one.dispose()
    return logits
  }
  const at50 = { points: [{ x: 50, y: 30, label: 1 }] } as const
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
    const [from, to] = [await place(page, 20, 10), await place(page, 70, 50)]
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
    await picture(page, "segment-wide")
    await page.setViewportSize({ width: 390, height: 844 })
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(390)
    await picture(page, "segment-phone", true)
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

  test("a small SAM that was trained: the mask is that of hasam eval and segment, in the image's own size, without padding", async () => {
    const page = await visit("small", "webgpu")
    await page.setInputFiles("#image", at("images/phantom.png"))
    await ready(page)
    await click(page, 50, 30)
    const first = await answered(page, 1)
    expect(worst(first.values, await expected("sam.ts", "small", { point: { x: 50, y: 30 } }))).toBeLessThan(1e-4)
    expect(worst(first.values, await segmented(at("images/phantom.png"), at50))).toBeLessThan(1e-4)
    // It learned that not all is inside or outside.
    expect([Math.max(...first.values) > 0, Math.min(...first.values) < 0]).toEqual([true, true])
    await click(page, 40, 20)
    expect((await answered(page, 2)).runs).toEqual({ image: 1, questions: 2 })
    await page.setInputFiles("#image", { name: "no.png", mimeType: "image/png", buffer: Buffer.from("no") })
    await status(page, /HS4201: the image cannot be read/)
    expect(await page.isHidden("#canvas")).toBe(true)

    // A real image: the same logits, and the mask that `hasam segment` writes.
    const real = shared("usgra-seg")
    if (real === undefined) return
    const file = join(real, "images/0000.png")
    const { width, height } = await readImage(file)
    const point = { x: Math.floor(width / 2), y: Math.floor(height / 3) }
    await page.setInputFiles("#image", file)
    await ready(page)
    const to = await spot(page, point.x, point.y, width, height)
    await page.mouse.click(to.x, to.y)
    const { values } = await answered(page, 3)
    expect(worst(values, await segmented(file, { points: [{ ...point, label: 1 }] }))).toBeLessThan(1e-4)
    site.hasam(
      ...["segment", "sam.ts#small", file, "--weights", "small.safetensors", "--out", "real", "--no-overlays"],
      ...["--point", `${point.x},${point.y}`],
    )
    const [mask] = await Promise.all([page.waitForEvent("download"), page.click("#masks")])
    await mask.saveAs(at("0000.png"))
    const [ours, theirs] = [await readLabels(at("0000.png")), await readLabels(at("real/masks/0000.png"))]
    // Where the logit is not within 10⁻⁴ of the border.
    const others = Array.from(values).filter((v, i) => Math.abs(v) > 1e-4 && ours.values[i] !== theirs.values[i])
    expect(others).toEqual([])
  })

  test("a GPU that is lost, and one without memory: words, and a way on without it that keeps what was asked", async () => {
    const page = await visit("clicker", "webgpu")
    await page.setInputFiles("#image", at("images/phantom.png"))
    await ready(page)
    // In the worker's own scope: the next verdict is that of a device without memory, the next buffer's device is gone.
    await page.workers()[0]!.evaluate(() => {
      const { popErrorScope } = GPUDevice.prototype
      let times = 0
      GPUDevice.prototype.popErrorScope = function () {
        times += 1
        const verdict = popErrorScope.call(this)
        return times === 2 ? verdict.then(() => new GPUOutOfMemoryError("a buffer of 4 GB")) : verdict
      }
    })
    await click(page, 50, 30)
    await status(page, /HS2603: the GPU's memory does not suffice\. .*do without the GPU\./)
    expect(await page.isVisible("#retry")).toBe(true)
    await page.workers()[0]!.evaluate(() => {
      const { createBuffer } = GPUDevice.prototype
      GPUDevice.prototype.createBuffer = function (about) {
        this.destroy()
        return createBuffer.call(this, about)
      }
    })
    await click(page, 20, 10)
    await status(page, /HS2604: the device was lost/)
    await page.click("#retry")
    // The model looks anew, and both points are answered; then the first alone.
    expect((await answered(page, 1)).runs).toEqual({ image: 1, questions: 1 })
    expect(await page.textContent("#engine")).toContain("WebAssembly")
    await page.click("#undo")
    const { values } = await answered(page, 2)
    expect(worst(values, await expected("promptable.ts", "clicker", { point: { x: 50, y: 30 } }))).toBeLessThan(1e-4)
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
    await picture(page, "classes-wide")
    await page.setInputFiles("#weights", at("clicker.safetensors"))
    await page.waitForSelector("#status.error")
    expect(await page.textContent("#status")).toContain("these are weights of another model")
    await page.setInputFiles("#weights", { name: "w.safetensors", mimeType: "", buffer: Buffer.from("no") })
    await status(page, /HS3002/)
    await page.setInputFiles("#weights", at("unet.safetensors"))
    expect(worst((await answered(page, 2)).values, values)).toBe(0)
    await page.goto(`${site.origin}finder/index.html`)
    await status(page, /Choose an image/)
    await page.setInputFiles("#image", at("images/phantom.png"))
    expect(worst((await answered(page, 1)).values, await expected("pointer.ts", "finder"))).toBeLessThan(1e-3)
    expect(await page.textContent("#objects")).toMatch(/Point: x [\d.-]+, y [\d.-]+/)
  })

  test("nothing left the machine, nothing broke the policy, nothing was thrown", () => expect(site.trouble).toEqual([]))
})
