import sharp from "sharp"
import { expect, test } from "vitest"
import { pixels } from "../../src/dsl/index.ts"
import type { Case } from "../../src/runtime/data/case.ts"
import { phantom } from "../../src/runtime/data/phantoms/phantom.ts"
import { prepare, resizedTo } from "../../src/runtime/data/prepare.ts"
import { centreOf } from "../../src/runtime/data/prompts.ts"
import { trainingCurves } from "../../src/runtime/figures/curves.ts"
import { histogram, valueHistograms } from "../../src/runtime/figures/histograms.ts"
import { bytesOf, colourOf } from "../../src/runtime/figures/labels.ts"
import { sheet } from "../../src/runtime/figures/sheet.ts"

const seen = pixels({ size: 256, fit: "longestSide" })

test("a sheet shows image, truth, and each model's contour", async () => {
  const { image, mask } = phantom({ width: 128, seed: 1, subject: 0, index: 0 })
  const moved = { ...mask, data: mask.data.map((_, i) => mask.data[i + 10] ?? 0) }
  const row = (id: string, masks: Readonly<Record<string, typeof mask>>) => ({
    sample: {
      ...prepare(resizedTo(image, mask, seen), { point: centreOf(mask) }, seen),
      case: { id } as Case,
    },
    masks,
  })
  const png = await sheet([row("a <&>", { ours: moved, theirs: moved }), row("b", { ours: moved })], { tile: 100 })
  const { data, info } = await sharp(png).raw().toBuffer({ resolveWithObject: true })
  expect([info.width, info.height]).toEqual([4 * 106 - 6, 26 + 2 * (75 + 6)])
  const count = (column: number, row: number, colour: readonly number[]) => {
    let n = 0
    for (let y = 26 + row * 81; y < 26 + row * 81 + 75; y++)
      for (let x = column * 106; x < column * 106 + 100; x++)
        if (colour.every((v, c) => data[(y * info.width + x) * info.channels + c] === v)) n++
    return n
  }
  const [pink, cyan] = [
    [255, 105, 180],
    [0, 229, 255],
  ]
  for (const row of [0, 1]) {
    expect(count(0, row, pink)).toBe(0)
    expect(count(1, row, pink)).toBeGreaterThan(20)
    expect(count(1, row, cyan)).toBe(0)
    expect(count(2, row, cyan)).toBeGreaterThan(20)
  }
  expect(count(3, 0, cyan)).toBeGreaterThan(20)
  expect(count(3, 1, cyan)).toBe(0) // this model has no mask for b
})

test("curves name both axes, leave gaps, and are the same each time", async () => {
  const points = [1, 2, 3, 4].map((epoch) => ({
    epoch,
    loss: epoch === 3 ? Number.NaN : 1 / epoch,
    ...(epoch % 2 ? {} : { validation: epoch / 5 }),
  }))
  const svg = await trainingCurves(points, { measure: "Dice" })
  expect(svg).toContain("training loss")
  expect(svg).toContain("validation Dice")
  expect(svg).not.toMatch(/NaN|Infinity/)
  expect(await trainingCurves(points, { measure: "Dice" })).toBe(svg)
  expect((await sharp(Buffer.from(svg)).metadata()).width).toBe(720)
  for (const few of [[], points.slice(0, 1)]) expect(await trainingCurves(few)).toMatch(/^<svg/)
})

test("histograms share their bins", async () => {
  const result = histogram(
    [
      { name: "a", values: [0, 0, 1, 9] },
      { name: "b", values: Float32Array.from([4, 4.9, 5, 10, 11]) },
    ],
    { bins: 2, range: [0, 10] },
  )
  expect(result.edges).toEqual([0, 5, 10])
  expect(result.shares).toEqual([
    { name: "a", shares: [0.75, 0.25] },
    { name: "b", shares: [0.5, 0.5] },
  ])
  expect(result.outside).toEqual([0, 0.2])
  const svg = await valueHistograms("Figure 4", [
    {
      title: "block 2",
      distributions: [
        { name: "hierarchical", values: [1, 2, 3] },
        { name: "uniform", values: [2, 3, 4] },
      ],
    },
    { title: "block 12", distributions: [{ name: "hierarchical", values: [5, 5, 5] }] },
  ])
  for (const text of ["Figure 4", "block 2", "block 12", "hierarchical", "uniform"]) expect(svg).toContain(text)
  expect(svg).not.toMatch(/NaN|Infinity/)
})

test("a sheet of classes has a colour for each, that of hasam segment's masks, in the truth and in each model's picture", async () => {
  const { image, mask } = phantom({ width: 128, seed: 1, subject: 0, index: 0 })
  // The right half of what is there is another class; the model finds the first alone.
  const classes = { ...mask, data: mask.data.map((v, i) => (v === 0 ? 0 : i % mask.width < mask.width / 2 ? 1 : 2)) }
  const first = { ...classes, data: classes.data.map((v) => (v === 1 ? 1 : 0)) }
  expect([1, 2].map((k) => classes.data.includes(k))).toEqual([true, true])
  const sample = {
    ...prepare(resizedTo(image, classes, seen), { point: centreOf(mask) }, seen),
    case: { id: "a" } as Case,
  }
  const png = await sheet([{ sample, masks: { ours: first } }], { tile: 100, classes: 2 })
  const { data, info } = await sharp(png).raw().toBuffer({ resolveWithObject: true })
  const count = (column: number, label: number): number => {
    const colour = bytesOf(colourOf(label))
    let n = 0
    for (let y = 26; y < 26 + 75; y++)
      for (let x = column * 106; x < column * 106 + 100; x++)
        if (colour.every((v, c) => data[(y * info.width + x) * info.channels + c] === v)) n++
    return n
  }
  expect(count(0, 1) + count(0, 2)).toBe(0)
  for (const label of [1, 2]) expect(count(1, label), `truth ${label}`).toBeGreaterThan(10)
  expect(count(2, 1)).toBeGreaterThan(10)
  expect(count(2, 2)).toBe(0)
})
