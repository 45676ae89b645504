/** The train page: a folder is chosen, checked in words, trained on, interrupted by a reload, gone on with, and what it learned is taken home. */
import { copyFileSync, mkdirSync, writeFileSync } from "node:fs"
import type { Page } from "playwright-core"
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest"
import { cpu } from "../../src/backends/onnx/engine.ts"
import type { TrainingOptions } from "../../src/dsl/training.ts"
import { modelWeights } from "../../src/runtime/base.ts"
import { openData } from "../../src/runtime/data/layouts/index.ts"
import { reader } from "../../src/runtime/data/reader.ts"
import { splitCases } from "../../src/runtime/data/split.ts"
import { classesTaught, pixelsOf } from "../../src/runtime/task/index.ts"
import { train } from "../../src/runtime/training/train.ts"
import { promptable } from "../models/specs.ts"
import { here, losses, picture, Site, selectModel, status } from "./site.ts"

describe.skipIf(!here)("the train page", () => {
  // A software GPU compiles and runs every shader on the processor, which the tests may share with others.
  vi.setConfig({ testTimeout: 400_000, hookTimeout: 400_000 })
  let site: Site
  let options: TrainingOptions

  beforeAll(async () => {
    site = new Site()
    options = await site.write("promptable.ts", promptable, "adapted")
    site.hasam("data", "phantoms", "data", "--count", "12", "--size", "64")
    await site.serve()
  })
  afterAll(() => site.end())

  /** Losses of `hasam train --target cpu` on the same data, step by step. */
  const expected = async (epochs: number): Promise<readonly number[]> => {
    const { model } = await selectModel(`${site.at("promptable.ts")}#adapted`)
    const { tensors } = await modelWeights(model.data, site.at("adapted.safetensors"), options.seed)
    const { cases } = await openData(site.at("data"))
    const split = splitCases(cases, { seed: options.seed })
    const found: number[] = []
    await train({
      name: "adapted",
      version: "0",
      model: model.data,
      options: { ...options, epochs },
      weights: tensors,
      reader: reader({
        pixels: pixelsOf(model.data),
        labels: classesTaught(model.data),
        seed: options.seed,
        prompt: options.prompt,
        augmentation: options.augmentation,
      }),
      train: cases.filter(({ id }) => split.train.includes(id)),
      validation: [],
      folder: site.at(`cpu-${epochs}`),
      identity: { run: "", base: "" },
      backend: await cpu(),
      resume: false,
      on: (event) => {
        if (event.kind === "step") found.push(event.loss)
      },
    })
    return found
  }
  const choose = (page: Page, folder: string) => page.setInputFiles("#folder", site.at(folder))

  test("ten steps and more are the CPU engine's, across a reload; what it learned evaluates alike", async () => {
    const page = await site.visit("adapted/train.html", "webgpu", /Choose a folder/)
    await choose(page, "data")
    await status(page, /can be learned from/)
    expect(await page.textContent("#report-title")).toBe("The data: data")
    expect(await page.textContent("#counts")).toContain("12 images with their masks, of 3 subjects")
    await page.fill("#epochs", "6")
    await page.click("#start")
    const before = [...(await losses(page, 5))]
    await page.click("#pause")
    await status(page, /Paused/)
    const first = [...(await losses(page, before.length))]
    await page.reload()
    await status(page, /A training on data is kept here/)
    await page.click("#resume")
    await status(page, /Done/)
    const second = await losses(page, 1)
    const all = await expected(6)
    expect(all.length).toBeGreaterThan(10)
    expect(first.length + second.length).toBe(all.length)
    ;[...first, ...second].forEach((loss, i) => expect(Math.abs(loss - all[i]!), `step ${i + 1}`).toBeLessThan(1e-4))
    await picture(page, "train-wide")

    const taken = async (button: string) => {
      const [file] = await Promise.all([page.waitForEvent("download"), page.click(button)])
      await file.saveAs(site.at(file.suggestedFilename()))
      return file.suggestedFilename()
    }
    const [adapters, split] = [await taken("#adapters"), await taken("#split")]
    expect([adapters, split]).toEqual(["best.safetensors", "split.json"])
    const report = JSON.parse(
      site.hasam(
        ...["eval", "promptable.ts#adapted", "--data", "data", "--weights", "adapted.safetensors", "--json"],
        ...["--adapters", adapters, "--split", split, "--part", "validation"],
      ),
    )
    expect(report.summaries.dice.mean).toBeGreaterThan(0.01)
    expect(report.summaries.dice.mean).toBeCloseTo(Number(await page.textContent("#best")), 3)

    await page.goto(`${site.origin}adapted/index.html`)
    await status(page, /Choose an image/)
    await page.setInputFiles("#weights", site.at(adapters))
    await status(page, /Weights of best.safetensors loaded/)
    await page.setInputFiles("#image", site.at("data/images/0000.png"))
    await status(page, /Ready/)
  })

  test("without WebGPU: what is wrong with data is said in words; then it learns on the processor", async () => {
    mkdirSync(site.at("bad/images"), { recursive: true })
    mkdirSync(site.at("bad/masks"))
    copyFileSync(site.at("data/images/0000.png"), site.at("bad/images/a.png"))
    copyFileSync(site.at("data/masks/0000.png"), site.at("bad/masks/a.png"))
    copyFileSync(site.at("data/images/0001.png"), site.at("bad/images/b.png"))
    writeFileSync(site.at("bad/images/c.png"), "no image")
    copyFileSync(site.at("data/masks/0001.png"), site.at("bad/masks/c.png"))
    const page = await site.visit("adapted/train.html", "wasm", /Choose a folder/)
    await choose(page, "bad")
    await status(page, /have to be mended/)
    const findings = await page.locator("#findings li.error").allTextContents()
    expect(findings.some((text) => /bad\/images\/b.png: the image has no mask.*HS4103/.test(text))).toBe(true)
    expect(findings.some((text) => /bad\/images\/c.png: the image cannot be read.*HS4201/.test(text))).toBe(true)
    expect(await page.isHidden("#start")).toBe(true)
    await choose(page, "data")
    await status(page, /can be learned from/)
    await page.fill("#epochs", "1")
    await page.click("#start")
    await status(page, /Done/)
    const [all, found] = [await expected(1), await losses(page, 2)]
    found.forEach((loss, i) => expect(Math.abs(loss - all[i]!), `step ${i + 1}`).toBeLessThan(1e-4))
    expect(await page.locator("#samples li").count()).toBeGreaterThan(0)
    // What was learned goes only where it is wanted.
    page.once("dialog", (asked) => asked.dismiss())
    await page.click("#forget")
    expect(await page.isVisible("#adapters")).toBe(true)
    page.once("dialog", (asked) => asked.accept())
    await page.click("#forget")
    await status(page, /Choose a folder/)
    await page.reload()
    await status(page, /Choose a folder/)
  })

  test("nothing left the machine, nothing broke the policy, nothing was thrown", () => expect(site.trouble).toEqual([]))
})
