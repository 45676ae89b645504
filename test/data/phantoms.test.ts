import { createHash } from "node:crypto"
import { readdir, readFile } from "node:fs/promises"
import { join } from "node:path"
import { expect, test } from "vitest"
import { checkData } from "../../src/runtime/data/check.ts"
import { components } from "../../src/runtime/data/components.ts"
import { writePhantoms } from "../../src/runtime/data/phantoms/index.ts"
import { phantom } from "../../src/runtime/data/phantoms/phantom.ts"
import { area } from "../../src/runtime/data/raster.ts"
import { diagnosticsOf, temporary } from "./helpers.ts"

const files = async (root: string) =>
  Promise.all(
    (await readdir(root, { recursive: true, withFileTypes: true }))
      .filter((e) => e.isFile())
      .map(async (e) => join(e.parentPath, e.name))
      .sort(),
  )
const bytes = async (root: string) =>
  Object.fromEntries(
    await Promise.all(
      (await files(root)).map(
        async (path) => [path.slice(root.length), (await readFile(path)).toString("base64")] as const,
      ),
    ),
  )

test("the same options write the same bytes, another seed others", async () => {
  const [a, b, c] = [join(await temporary(), "a"), join(await temporary(), "b"), join(await temporary(), "c")]
  await writePhantoms(a, { n: 5, size: 64, seed: 3 })
  await writePhantoms(b, { n: 5, size: 64, seed: 3 })
  await writePhantoms(c, { n: 5, size: 64, seed: 4 })
  expect(await bytes(b)).toEqual(await bytes(a))
  expect((await bytes(c))["/images/0000.png"]).not.toBe((await bytes(a))["/images/0000.png"])
})

test("the pixels are those of every machine", () => {
  const { image, mask } = phantom({ width: 64, seed: 0, subject: 0, index: 0 })
  const hash = (data: Uint8Array) => createHash("sha256").update(data).digest("hex").slice(0, 16)
  expect([hash(image.data), hash(mask.data)]).toEqual(["a7b9940f9ac2b126", "5590dc9db2860324"])
})

test("they are a data set with subjects and nothing wrong", async () => {
  const root = join(await temporary(), "phantoms")
  await writePhantoms(root, { n: 12, size: 64 })
  const report = await checkData(root)
  expect(report).toMatchObject({
    layout: "table",
    cases: 12,
    subjects: 3,
    sizes: [{ width: 64, height: 48, images: 12 }],
    masks: { empty: 0 },
  })
  expect(report.diagnostics).toEqual([])
  expect(await diagnosticsOf(() => writePhantoms(root, { n: 1 }))).toMatchObject([
    { file: root, code: "HS4001", message: "the folder is not empty" },
  ])
})

test("each shows one nerve, brighter than its surroundings, that no threshold finds", () => {
  let [inside, outside] = [0, 0]
  for (let index = 0; index < 12; index++) {
    const { image, mask } = phantom({ width: 96, seed: 1, subject: index, index })
    expect(components(mask).length).toBe(1)
    expect(area(mask) / mask.data.length).toBeGreaterThan(0.005)
    expect(area(mask) / mask.data.length).toBeLessThan(0.12)
    const mean = (of: number) => {
      const values = image.data.filter((_, i) => mask.data[i] === of)
      return values.reduce((a, b) => a + b, 0) / values.length / 12
    }
    inside += mean(1)
    outside += mean(0)
    for (let threshold = 8; threshold < 256; threshold += 8) {
      const found = { ...mask, data: image.data.map((x) => (x >= threshold ? 1 : 0)) }
      const both = found.data.reduce((n, x, i) => n + (x & mask.data[i]!), 0)
      expect((2 * both) / (area(found) + area(mask))).toBeLessThan(0.45)
    }
  }
  expect(inside).toBeGreaterThan(outside + 15)
})
