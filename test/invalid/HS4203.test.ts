import { join } from "node:path"
import sharp from "sharp"
import { expect, test } from "vitest"
import { openData } from "../../src/runtime/data/layouts/index.ts"
import { loadCase } from "../../src/runtime/data/mask.ts"
import { area } from "../../src/runtime/data/raster.ts"
import { diagnosticsOf, goodFolders, rectangle, temporary, writeGrey } from "../data/helpers.ts"

const one = async (root: string) => (await openData(root)).cases[0]!

test("several classes, and none chosen", async () => {
  const root = await temporary()
  await goodFolders(root, 1)
  await writeGrey(join(root, "masks", "0.png"), 10, 8, rectangle(10, 8, 1).map((v, i) => (i > 60 ? 2 : v)))
  expect(await diagnosticsOf(async () => loadCase(await one(root)))).toMatchObject([
    { code: "HS4203", message: "it cannot be told what in the mask is foreground: it holds several values beside 0 (1, 2), and no class is chosen" },
  ])
  expect(area((await loadCase(await one(root), { class: 1 })).mask)).toBe(6)
})

test("two colours; one colour is fine", async () => {
  const root = await temporary()
  await goodFolders(root, 1)
  const paint = (colours: readonly (readonly number[])[]) => {
    const data = Buffer.alloc(240)
    colours.forEach((rgb, i) => data.set(rgb, 30 * i))
    return sharp(data, { raw: { width: 10, height: 8, channels: 3 } }).png().toFile(join(root, "masks", "0.png"))
  }
  await paint([[255, 0, 0], [0, 255, 0]])
  expect(await diagnosticsOf(async () => loadCase(await one(root)))).toMatchObject([{ code: "HS4203", message: expect.stringContaining("#00ff00, #ff0000") }])
  await paint([[255, 0, 0], [255, 0, 0]])
  expect(area((await loadCase(await one(root))).mask)).toBe(2)
})

test("a blurred mask is read at one half", async () => {
  const root = await temporary()
  await goodFolders(root, 1)
  await writeGrey(join(root, "masks", "0.png"), 10, 8, rectangle(10, 8, 250).map((v, i) => v - (v > 0 ? i % 3 : 0) + (i > 70 ? 3 : 0)))
  const { mask, encodings } = await loadCase(await one(root))
  expect([area(mask), encodings]).toEqual([6, [{ kind: "blurred", top: 250 }]])
})
