import { join } from "node:path"
import { expect, test } from "vitest"
import { components } from "../../src/runtime/data/components.ts"
import {
  boxOf,
  centreOf,
  movedBox,
  movedPoint,
  randomInsideOf,
  readPoints,
  scalePoint,
} from "../../src/runtime/data/prompts.ts"
import { stream } from "../../src/runtime/data/random.ts"
import { maskOf, temporary, write } from "./helpers.ts"

const block = maskOf(["......", ".###..", ".###..", ".###.."])
const crescent = maskOf(["#####", "#...#", "#....", "#...#", "#####"])
const two = maskOf(["#......", "......#", ".....##"])

test("the centre is in the mask", () => {
  expect(centreOf(block)).toEqual({ x: 2, y: 2 })
  const inside = centreOf(crescent)!
  expect(crescent.data[inside.y * 5 + inside.x]).toBe(1)
  expect(inside).toEqual({ x: 0, y: 2 }) // its centroid, (1.7, 2), lies in the opening
  expect(centreOf(two)).toEqual({ x: 6, y: 2 }) // of the larger part
  expect(centreOf(maskOf(["...", "..."]))).toBeUndefined()
})

test("parts touch at corners, the largest comes first", () => {
  expect(components(maskOf(["#..", ".#.", "#.."])).length).toBe(1)
  expect(components(two).map(({ length }) => length)).toEqual([3, 1])
})

test("random points reach every pixel of the mask and no other", () => {
  const random = stream("points")
  const hit = new Uint8Array(two.data.length)
  for (let i = 0; i < 200; i++) {
    const { x, y } = randomInsideOf(two, random)!
    hit[y * 7 + x] = 1
  }
  expect(hit).toEqual(two.data)
  expect(randomInsideOf(maskOf(["."]), random)).toBeUndefined()
})

test("boxes and scaled points", () => {
  expect(boxOf(block)).toEqual({ x0: 1, y0: 1, x1: 3, y1: 3 })
  expect(boxOf(maskOf(["."]))).toBeUndefined()
  expect(scalePoint({ x: 290, y: 210 }, { width: 580, height: 420 }, { width: 1024, height: 742 })).toEqual({
    x: 512,
    y: 371,
  })
})

test("points from files", async () => {
  const root = await temporary()
  await write(join(root, "p.csv"), "id,x,y\na 1,10,20.5\n")
  await write(join(root, "p.json"), '{"a 1": {"x": 10, "y": 20.5}}')
  for (const name of ["p.csv", "p.json"])
    expect([...(await readPoints(join(root, name)))]).toEqual([["a 1", { x: 10, y: 20.5 }]])
})

test("a prompt that is moved stays within its share and the image, and is the same each time", () => {
  const size = { width: 40, height: 30 }
  const box = { x0: 30, y0: 5, x1: 39, y1: 24 }
  const draws = () => stream("moved")
  const random = draws()
  const points = Array.from({ length: 200 }, () => movedPoint({ x: 35, y: 15 }, box, 0.1, random, size))
  expect(points.every(({ x, y }) => Math.abs(x - 35) <= 1 && Math.abs(y - 15) <= 2)).toBe(true)
  expect(new Set(points.map(({ x, y }) => `${x},${y}`)).size).toBeGreaterThan(8)
  expect(movedPoint({ x: 35, y: 15 }, box, 0.1, draws(), size)).toEqual(points[0])
  for (let i = 0; i < 200; i++) {
    const { x0, y0, x1, y1 } = movedBox(box, 1, random, size)
    expect([x0 >= 0, y0 >= 0, x1 < 40, y1 < 30, x0 <= x1, y0 <= y1]).toEqual(Array(6).fill(true))
  }
  expect(movedBox(box, 0, random, size)).toEqual(box)
})
