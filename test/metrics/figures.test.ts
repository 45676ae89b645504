import sharp from "sharp"
import { expect, test } from "vitest"
import { phantom } from "../../src/runtime/data/phantoms/phantom.ts"
import { centreOf } from "../../src/runtime/data/prompts.ts"
import { trainingCurves } from "../../src/runtime/figures/curves.ts"
import { histogram, valueHistograms } from "../../src/runtime/figures/histograms.ts"
import { qualitativeSheet } from "../../src/runtime/figures/sheet.ts"

test("a sheet shows image, truth, and each model's contour", async () => {
  const { image, mask } = phantom({ width: 128, seed: 1, subject: 0, index: 0 })
  const moved = { ...mask, data: mask.data.map((_, i) => mask.data[i + 10] ?? 0) }
  const row = (name: string, ...masks: (typeof mask | undefined)[]) => ({
    name,
    image,
    truth: mask,
    point: centreOf(mask),
    predictions: masks.map((m) => (m === undefined ? undefined : { mask: m, text: "Dice 85.2" })),
  })
  const png = await qualitativeSheet([row("a <&>", moved, moved), row("b", moved, undefined)], {
    models: ["ours", "theirs"],
    tile: 100,
  })
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
  const curves = [
    {
      name: "training loss",
      axis: "loss",
      points: [
        [1, 1],
        [2, 0.5],
        [3, Number.NaN],
        [4, 0.2],
      ],
    },
    {
      name: "validation Dice",
      axis: "score",
      points: [
        [2, 0.4],
        [4, 0.8],
      ],
    },
  ] as const
  const svg = await trainingCurves("HA-SAM", curves)
  for (const text of ["HA-SAM", "training loss", "validation Dice", "epoch", "score"]) expect(svg).toContain(text)
  expect(svg).not.toMatch(/NaN|Infinity/)
  expect(await trainingCurves("HA-SAM", curves)).toBe(svg)
  expect((await sharp(Buffer.from(svg)).metadata()).width).toBe(720)
  for (const few of [
    [],
    [{ name: "x", axis: "loss", points: [[1, 1]] }],
    [{ name: "x", axis: "score", points: [] }],
  ] as const) {
    const drawn = await trainingCurves("x", few)
    expect(drawn).toMatch(/^<svg/)
    expect(drawn).not.toMatch(/NaN|Infinity/)
  }
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
