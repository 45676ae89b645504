/** The train page: a folder is chosen, checked in words, trained on, interrupted by a reload, gone on with, and what it learned is taken home. */
import { mkdirSync, writeFileSync } from "node:fs"
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
import { promptable, unet } from "../models/specs.ts"
import { here, losses, picture, Site, selectModel, status } from "./site.ts"

describe.skipIf(!here)("the train page", () => {
  vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 })
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
      folder: site.at("cpu"),
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
    await page.fill("#epochs", "4")
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
    const all = await expected(4)
    expect(all.length).toBeGreaterThan(10)
    expect(first.length + second.length).toBe(all.length)
    ;[...first, ...second].forEach((loss, i) => expect(Math.abs(loss - all[i]!), `step ${i + 1}`).toBeLessThan(1e-4))
    await picture(page, "train-wide")
  })
})
