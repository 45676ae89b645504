/** Models that are not SAM, from their specs alone: compiled, trained, evaluated, run, packaged. */
import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import sharp from "sharp"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { loadAll } from "../../src/runtime/weights/load.ts"
import { save } from "../../src/runtime/weights/save.ts"
import { ran } from "../cli/session.ts"
import { PythonSession, pythonWith } from "../python/index.ts"
import { promptable, unet } from "./specs.ts"

const folder = mkdtempSync(join(tmpdir(), "hasam-models-"))
const hasam = (...args: readonly string[]) => {
  const { status, out, talk } = ran({ args, cwd: folder, env: process.env })
  return { status, text: out + talk, stdout: out }
}
const numbers = (n: number, below = 255) => Float32Array.from({ length: n }, (_, i) => (i * 37) % below)

beforeAll(async () => {
  writeFileSync(join(folder, "unet.ts"), unet)
  writeFileSync(join(folder, "clicker.ts"), promptable)
  expect(hasam("data", "phantoms", "phantoms", "--count", "12", "--size", "60").status).toBe(0)
  // The nerve is class 1, what is very dark class 2.
  for (const part of ["images", "masks"]) mkdirSync(join(folder, "classes", part), { recursive: true })
  for (let i = 0; i < 12; i += 1) {
    const name = `${String(i).padStart(4, "0")}.png`
    const image = sharp(join(folder, "phantoms/images", name)).greyscale()
    const { data: grey, info } = await image.raw().toBuffer({ resolveWithObject: true })
    const inside = await sharp(join(folder, "phantoms/masks", name))
      .greyscale()
      .raw()
      .toBuffer()
    const raw = { width: info.width, height: info.height, channels: 1 as const }
    const ids = Buffer.from(grey.map((x, at) => (inside[at]! > 127 ? 1 : x < 40 ? 2 : 0)))
    await image.png().toFile(join(folder, "classes/images", name))
    await sharp(ids, { raw })
      .png()
      .toFile(join(folder, "classes/masks", name))
  }
})

describe("a U-Net of one channel, 96 × 127 pixels and three classes", () => {
  test("is compiled: no prompt is spoken of, its sizes are its own, and follow --input-size", () => {
    const { status, text } = hasam("compile", "unet.ts")
    expect(text).toContain("unet  U-Net, 96 × 127")
    expect(text).not.toMatch(/prompt|centre/)
    expect(text).toContain("a training step of 2 images")
    expect(status).toBe(0)
    expect(hasam("compile", "unet.ts", "--input-size", "64x95").text).toContain("U-Net, 64 × 95")
  })
  test("trains and is evaluated, class by class", () => {
    const trained = hasam("train", "unet.ts", "--data", "classes", "--out", "unet-run")
    expect(trained.text).toMatch(/epoch 2\/2 {2}loss \d/)
    expect(trained.status).toBe(0)
    expect(hasam("eval", "unet-run", "--part", "all").status).toBe(0)
    const [head, first] = readFileSync(join(folder, "unet-run/cases.csv"), "utf8").split("\n")
    expect(head).toMatch(/dice_nerve,iou_nerve,hd95_\w+_nerve,nsd_nerve,dice_vessel/)
    const values = first!.split(",")
    const at = (name: string) => Number(values[head!.split(",").indexOf(name)])
    expect(at("dice")).toBeCloseTo((at("dice_nerve") + at("dice_vessel")) / 2, 9)
  })
  test("is run, in train mode too, and refuses a prompt", async () => {
    await save(join(folder, "in.safetensors"), {
      image: { shape: [2, 1, 96, 127], data: numbers(2 * 96 * 127) },
      target: { shape: [2, 1, 96, 127], data: numbers(2 * 96 * 127, 3) },
    })
    const options = ["run", "unet.ts", "--inputs", "in.safetensors", "--outputs", "out.safetensors", "--gradients"]
    expect(hasam(...options, "--train-mode").status).toBe(0)
    const training = await loadAll(join(folder, "out.safetensors"))
    expect(hasam(...options).status).toBe(0)
    const frozen = await loadAll(join(folder, "out.safetensors"))
    expect(Object.keys(training).filter((name) => name.startsWith("next/")).length).toBe(12)
    expect(Object.keys(frozen).some((name) => name.startsWith("next/"))).toBe(false)
    expect(training["loss"]!.data[0]).not.toBe(frozen["loss"]!.data[0])
    await save(join(folder, "asked.safetensors"), {
      image: { shape: [1, 1, 96, 127], data: numbers(96 * 127) },
      point_coords: { shape: [1, 1, 2], data: numbers(2) },
    })
    const asked = hasam("run", "unet.ts", "--inputs", "asked.safetensors", "--outputs", "out.safetensors")
    expect(asked.text).toContain("HS5204: 'point_coords' is not an input of U-Net")
    expect(asked.status).toBe(1)
    const prompted = hasam("train", "unet.ts", "--data", "classes", "--out", "asked", "--prompt", "box")
    expect(prompted.text).toContain("HS1031")
    expect(prompted.status).toBe(1)
  })
})

describe("a promptable model that is not SAM", () => {
  test("is compiled; what a click does not reach is told; ranks are its adapters'", () => {
    const { status, text } = hasam("compile", "clicker.ts")
    expect(status).toBe(0)
    expect(text).toMatch(
      /HS1024: in 'clicker', 40 parameters learn but receive no gradient from a mask loss with a point/,
    )
    expect(text).toContain("after_fc2 rank")
  })
  test("trains by points and by boxes, and is evaluated", () => {
    for (const prompt of ["centre", "box"]) {
      const out = `clicker-${prompt}`
      const { status, text } = hasam(
        "train",
        "clicker.ts#adapted",
        "--data",
        "phantoms",
        "--out",
        out,
        "--prompt",
        prompt,
      )
      expect(text).toContain("epoch 2/2")
      expect(status).toBe(0)
      const evaluated = hasam("eval", out, "--json")
      expect(JSON.parse(evaluated.stdout).conventions.prompt).toBe(prompt)
    }
  })
  test("answers another prompt otherwise, to the bit the same one the same", async () => {
    const picture = { shape: [1, 1, 32, 48], data: numbers(32 * 48) }
    const sign = { shape: [1, 1], data: Float32Array.of(1) }
    const ask = async (x: number, y: number) => {
      await save(join(folder, "ask.safetensors"), {
        picture,
        sign,
        where: { shape: [1, 1, 2], data: Float32Array.of(x, y) },
      })
      expect(
        hasam("run", "clicker.ts#clicker", "--inputs", "ask.safetensors", "--outputs", "answer.safetensors").status,
      ).toBe(0)
      return (await loadAll(join(folder, "answer.safetensors")))["logits"]!
    }
    const [first, other, again] = [await ask(10, 12), await ask(40, 3), await ask(10, 12)]
    expect(first.shape).toEqual([1, 1, 8, 12])
    expect(again.data).toEqual(first.data)
    expect(other.data).not.toEqual(first.data)
  })
})

test("Dice of each image, or of the whole batch, as run is asked", async () => {
  const target = Float32Array.from({ length: 2 * 96 }, (_, i) => Number(i < 96 ? i % 5 === 0 : i % 3 > 0))
  await save(join(folder, "batch.safetensors"), {
    picture: { shape: [2, 1, 32, 48], data: numbers(2 * 32 * 48) },
    where: { shape: [2, 1, 2], data: Float32Array.of(10, 12, 40, 3) },
    sign: { shape: [2, 1], data: Float32Array.of(1, 1) },
    target: { shape: [2, 1, 8, 12], data: target },
  })
  const asked = ["run", "clicker.ts#adapted", "--inputs", "batch.safetensors", "--outputs", "batch-out.safetensors"]
  const ran = async (...more: readonly string[]) => {
    expect(hasam(...asked, "--gradients", ...more).status).toBe(0)
    return loadAll(join(folder, "batch-out.safetensors"))
  }
  const [each, whole, unasked] = [await ran("--dice-over", "image"), await ran("--dice-over", "batch"), await ran()]
  const { data: logits } = each["logits"]!
  const dice = (from: number, to: number): number => {
    let [overlap, sizes] = [0, 0]
    for (let i = from; i < to; i += 1) {
      const p = 1 / (1 + Math.exp(-logits[i]!))
      overlap += p * target[i]!
      sizes += p + target[i]!
    }
    return 1 - (2 * overlap + 1) / (sizes + 1)
  }
  const expected = (dice(0, 96) + dice(96, 192)) / 2 - dice(0, 192)
  expect(Math.abs(expected)).toBeGreaterThan(1e-3)
  expect(each["loss"]!.data[0]! - whole["loss"]!.data[0]!).toBeCloseTo(expected, 5)
  expect(unasked["loss"]!.data).toEqual(each["loss"]!.data)
  expect(hasam(...asked, "--dice-over", "batch").text).toContain("--dice-over does nothing without --gradients")
})

const python = pythonWith("torch", "numpy", "PIL")

describe.skipIf(python === undefined)("packaged for PyTorch, they learn as here", () => {
  const session = new PythonSession(python)
  afterAll(() => session.end())
  test.each([
    ["unet.ts", "classes"],
    ["clicker.ts#adapted", "phantoms"],
  ])("%s", async (spec, data) => {
    const name = `package-${data}`
    expect(hasam("compile", spec, "--target", "pytorch", "--out", name).status).toBe(0)
    expect(hasam("data", "split", data, "--out", `${name}.json`).status).toBe(0)
    const run = [join(folder, name, "train.py"), "--data", data, "--split", `${name}.json`, "--out", `${name}-run`]
    const theirs = await session.run(run, { cwd: folder })
    const ours = hasam("train", spec, "--data", data, "--split", `${name}.json`, "--out", `${name}-here`)
    const [, here] = /epoch 2\/2 {2}loss ([\d.]+)/.exec(ours.text) ?? []
    const [, there] = /epoch 2: loss ([\d.]+)/.exec(theirs.out + theirs.talk) ?? []
    expect(Number(there)).toBeCloseTo(Number(here), 3)
  })
})
