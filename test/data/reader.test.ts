import { rm } from "node:fs/promises"
import { join } from "node:path"
import { expect, test } from "vitest"
import { pixels } from "../../src/dsl/task.ts"
import { box, noAugmentation, randomInside } from "../../src/dsl/training.ts"
import { augmentWith, draw } from "../../src/runtime/data/augment.ts"
import { leastRecentlyUsed } from "../../src/runtime/data/cache.ts"
import { openData } from "../../src/runtime/data/layouts/index.ts"
import { prefetch } from "../../src/runtime/data/prefetch.ts"
import { prepare, resizedTo } from "../../src/runtime/data/prepare.ts"
import { reader, type Sample } from "../../src/runtime/data/reader.ts"
import { diagnosticsOf, goodFolders, maskOf, rectangle, scan, temporary, writeGrey } from "./helpers.ts"

const square = (size: number) => pixels({ size, fit: "longestSide" })

const all = async (samples: AsyncIterable<Sample>) => {
  const out: Sample[] = []
  for await (const sample of samples) out.push(sample)
  return out
}
const ids = (samples: readonly Sample[]) => samples.map((sample) => sample.case.id)

test("a sample is as SAM wants it", async () => {
  const root = await temporary()
  await goodFolders(root, 1)
  const { cases } = await openData(root)
  const [sample] = await all(reader({ pixels: square(40) }).evaluation(cases))
  expect(sample!.image.shape).toEqual([3, 32, 40])
  expect(sample!.originalSize).toEqual([8, 10])
  expect([sample!.mask.width, sample!.resizedMask.width, sample!.resizedMask.height]).toEqual([10, 40, 32])
  expect(sample!.point).toEqual({ x: 8, y: 4 }) // (2, 1) of 10 × 8
  const n = 32 * 40
  expect(sample!.image.data.slice(0, n)).toEqual(sample!.image.data.slice(2 * n))
  expect(Math.max(...sample!.image.data)).toBeGreaterThan(1)
})

test("an epoch is the same whenever and from wherever it is read", async () => {
  const root = await temporary()
  await goodFolders(root, 12)
  const { cases } = await openData(root)
  const options = {
    pixels: square(20),
    seed: 4,
    prompt: randomInside,
    augmentation: { flip: true, rotation: 10, scale: 0.1, gain: 0.2 },
  }
  const whole = await all(reader(options).training(cases, 3))
  const rest = await all(reader({ ...options, cacheBytes: 0, ahead: 0 }).training(cases, 3, 7))
  expect(rest).toEqual(whole.slice(7))
  expect(ids(whole)).not.toEqual(ids(await all(reader(options).training(cases, 4))))
  expect([...ids(whole)].sort()).toEqual(cases.map(({ id }) => id))
  const other = await all(reader({ ...options, seed: 5 }).training(cases, 3))
  expect(ids(other)).not.toEqual(ids(whole))
})

test("prompts that are moved in training are others in each epoch, and exact in evaluation", async () => {
  const root = await temporary()
  await goodFolders(root, 6)
  const { cases } = await openData(root)
  const of = (trainingJitter?: number) => reader({ pixels: square(20), prompt: box, trainingJitter })
  const boxes = (samples: readonly Sample[]) =>
    samples.toSorted((a, b) => (a.case.id < b.case.id ? -1 : 1)).map((sample) => sample.box)
  const exact = boxes(await all(of().training(cases, 0)))
  const moved = boxes(await all(of(0.8).training(cases, 0)))
  expect(moved).not.toEqual(exact)
  expect(boxes(await all(of(0.8).training(cases, 0)))).toEqual(moved)
  expect(boxes(await all(of(0.8).training(cases, 1)))).not.toEqual(moved)
  expect(boxes(await all(of(0.8).evaluation(cases)))).toEqual(exact)
})

test("decoded images are kept within the limit", async () => {
  const root = await temporary()
  await goodFolders(root, 3)
  const { cases } = await openData(root)
  const kept = reader({ pixels: square(20) })
  await all(kept.evaluation(cases))
  await rm(join(root, "images"), { recursive: true })
  expect((await all(kept.evaluation(cases))).length).toBe(3)

  const cache = leastRecentlyUsed<string>(10)
  cache.set("a", "a", 4)
  cache.set("b", "b", 4)
  cache.get("a")
  cache.set("c", "c", 4)
  cache.set("too large", "x", 11)
  expect([cache.get("a"), cache.get("b"), cache.get("c"), cache.get("too large"), cache.bytes()]).toEqual([
    "a",
    undefined,
    "c",
    undefined,
    8,
  ])
})

test("work runs ahead, but not further than it may, and fails in its turn", async () => {
  let started = 0
  const work = prefetch(
    [1, 2, 3, 4, 5, 6],
    async (x) => {
      started++
      if (x === 5) throw new Error("five")
      return x
    },
    2,
  )
  expect((await work.next()).value).toBe(1)
  expect(started).toBe(3)
  const seen: number[] = []
  await expect(async () => {
    for await (const x of work) seen.push(x)
  }).rejects.toThrow("five")
  expect(seen).toEqual([2, 3, 4])
})

test("image, mask and point move together", () => {
  const mask = maskOf(["........", "..##....", "..##....", "........", "........", "........"])
  const image = { width: 8, height: 6, channels: 1 as const, data: mask.data.map((x) => 200 * x) }
  const still = { flip: false, rotation: 0, scale: 1, gain: 1 }
  const flipped = augmentWith({ image, mask, point: { x: 2, y: 1 } }, { ...still, flip: true })
  expect(flipped.mask).toEqual(maskOf(["........", "....##..", "....##..", "........", "........", "........"]))
  expect(flipped.image.data).toEqual(flipped.mask.data.map((x) => 200 * x))
  expect(flipped.point).toEqual({ x: 5, y: 1 })
  const square = {
    image: { width: 5, height: 5, channels: 1 as const, data: new Uint8Array(25).fill(9) },
    mask: maskOf([".....", "...#.", ".....", ".....", "....."]),
    point: { x: 3, y: 1 },
  }
  const turned = augmentWith(square, { ...still, rotation: 90 })
  expect(turned.mask).toEqual(maskOf([".....", ".....", ".....", "...#.", "....."])) // clockwise
  expect(turned.point!.x).toBeCloseTo(3, 9)
  expect(turned.point!.y).toBeCloseTo(3, 9)
  expect(augmentWith({ image, mask }, { ...still, gain: 1.5 }).image.data).toEqual(mask.data.map((x) => 255 * x))
  const away = { ...square, mask: maskOf(["#....", ".....", ".....", ".....", "....."]) }
  expect(augmentWith(away, { ...still, scale: 3 })).toEqual({ ...away }) // it would be out of sight
})

test("draws are within their limits, and each by itself", () => {
  const options = { flip: true, rotation: 15, scale: 0.1, gain: 0.3 }
  const draws = Array.from({ length: 500 }, (_, i) => draw(options, 0, i, "a"))
  expect(draws.filter(({ flip }) => flip).length).toBeGreaterThan(200)
  expect(draws.filter(({ flip }) => flip).length).toBeLessThan(300)
  expect(Math.max(...draws.map(({ rotation }) => Math.abs(rotation)))).toBeLessThanOrEqual(15)
  expect(draw({ ...options, flip: false, rotation: 0 }, 0, 7, "a")).toMatchObject({
    flip: false,
    gain: draws[7]!.gain,
    scale: draws[7]!.scale,
  })
  expect(draw(noAugmentation, 0, 1, "a")).toMatchObject({ flip: false, scale: 1, gain: 1 })
})

test("cases without foreground are found, and have no point", async () => {
  const root = await temporary()
  await goodFolders(root, 2)
  await writeGrey(join(root, "images", "none.png"), 10, 8, scan(10, 8, 99))
  await writeGrey(join(root, "masks", "none.png"), 10, 8, rectangle(10, 8, 0))
  const { cases } = await openData(root)
  const read = reader({ pixels: square(10), prompt: box })
  expect((await read.withForeground(cases)).map(({ id }) => id)).toEqual(["0", "1"])
  const samples = await all(read.evaluation(cases))
  expect(samples.map((sample) => sample.box)).toEqual([[1, 1, 3, 2], [1, 1, 3, 2], undefined])
  expect((await all(reader({ pixels: square(10) }).evaluation(cases))).at(-1)!.point).toBeUndefined()
})

test("points from a file are scaled, and one that is missing is named", async () => {
  const root = await temporary()
  await goodFolders(root, 2)
  const { cases } = await openData(root)
  const read = reader({ pixels: square(20), prompt: { kind: "file" }, points: new Map([["0", { x: 3, y: 2 }]]) })
  expect((await all(read.evaluation(cases.slice(0, 1))))[0]!.point).toEqual({ x: 6, y: 4 })
  expect(await diagnosticsOf(() => all(read.evaluation(cases)))).toMatchObject([
    { code: "HS4402", message: "there is no point for 1" },
  ])
})

test("resizing to the same size changes nothing", () => {
  const image = { width: 3, height: 2, channels: 3 as const, data: Uint8Array.from({ length: 18 }, (_, i) => i) }
  expect(prepare(resizedTo(image, maskOf(["#..", "..."]), square(3)), {}, square(3)).image).toEqual({
    shape: [3, 2, 3],
    data: Float32Array.from([0, 3, 6, 9, 12, 15, 1, 4, 7, 10, 13, 16, 2, 5, 8, 11, 14, 17]),
  })
})

test("what is resized is kept: later epochs read no file, and see the same as those that resize anew", async () => {
  const root = await temporary()
  await goodFolders(root, 6)
  const { cases } = await openData(root)
  const options = { pixels: square(20), seed: 4, prompt: randomInside }
  const keeping = reader(options)
  await all(keeping.training(cases, 0))
  const anew = await all(reader({ ...options, cacheBytes: 0 }).training(cases, 1))
  const validated = await all(reader({ ...options, cacheBytes: 0 }).evaluation(cases))
  await rm(root, { recursive: true })
  expect(await all(keeping.training(cases, 1))).toEqual(anew)
  expect(await all(keeping.evaluation(cases))).toEqual(validated)
  // Each sample has numbers of its own, which a consumer may change.
  const [one] = await all(keeping.evaluation(cases.slice(0, 1)))
  const [again] = await all(keeping.evaluation(cases.slice(0, 1)))
  expect(one!.image.data).not.toBe(again!.image.data)
  // 10 × 8 grey: image and mask as decoded are 160 bytes, and 20 × 16 in grey with both masks 720.
  const little = reader({ ...options, cacheBytes: 700 })
  expect(await diagnosticsOf(() => all(little.training(cases, 0)))).not.toEqual([])
})
