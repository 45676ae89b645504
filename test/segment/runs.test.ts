/** hasam segment on runs, from the command line: a localizer's, one of classes with its palette, those of folds, several images a step. */
import { mkdtempSync, readFileSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { beforeAll, expect, test } from "vitest"
import { readImage, readLabels } from "../../src/runtime/data/image.ts"
import { pngBytes } from "../../src/runtime/data/images/pngWrite.ts"
import { writePhantoms } from "../../src/runtime/data/phantoms/index.ts"
import { colourOf } from "../../src/runtime/figures/labels.ts"
import { ran } from "../cli/session.ts"

const folder = mkdtempSync(join(tmpdir(), "hasam-segment-runs-"))
const at = (...path: readonly string[]) => join(folder, ...path)
const done = (...args: readonly string[]) => {
  const { status, talk } = ran({ args, cwd: folder, env: process.env })
  if (status !== 0) throw new Error(`hasam ${args.join(" ")}: exit code ${status}\n${talk}`)
  return talk
}
const rowsOf = (path: string) => {
  const [header, ...lines] = readFileSync(at(path), "utf8").trim().split("\n")
  return lines.map((line) => Object.fromEntries(line.split(",").map((v, i) => [header!.split(",")[i]!, v])))
}
/** Values of the 16-bit file, 65535 is one. */
const probabilities = async (path: string) => (await readLabels(at(path))).values

beforeAll(async () => {
  writeFileSync(
    at("specs.ts"),
    `import { classes, conv2d, globalAveragePool, linear, masks, model, pixels, point, relu, sam, sequential, sigmoid } from "hasam"
const image = pixels({ size: 24, deviation: 255 })
const net = (gives: 1 | 3) => sequential(conv2d(3, 4, 3, { padding: 1 }), relu, conv2d(4, gives, 3, { padding: 1 }))
export const plain = model(net(1), { name: "plain", takes: { image }, teaches: { masks: masks() } })
export const several = model(net(3), { name: "several", takes: { image }, teaches: { masks: classes("background", "nerve", "vessel") } })
export const pointing = model(sequential(conv2d(3, 4, 3, { stride: 2 }), relu, globalAveragePool, linear(4, 2), sigmoid),
  { name: "pointing", takes: { image }, teaches: { point: point() } })
export const small = sam({ imageSize: 32, patchSize: 8, width: 16, depth: 1, heads: 2, globalBlocks: [0], outChannels: 16, maskChannels: 4,
  decoder: { depth: 1, heads: 2, mlpWidth: 16, iouWidth: 8, iouDepth: 2, maskTokens: 2 } })
`,
  )
  await writePhantoms(at("data"), { n: 6, size: 40, seed: 2, perSubject: 1 })
  // The same images with classes: the nerve is 1, a square of the corner 2.
  const [header, ...rows] = readFileSync(at("data/data.csv"), "utf8").trim().split("\n")
  for (const [i] of rows.entries()) {
    const name = `000${i}`
    const { width, height, values } = await readLabels(at(`data/masks/${name}.png`))
    const labels = Uint8Array.from(values, (v, p) => (v > 0 ? 1 : p % width < 9 && p < 9 * width ? 2 : 0))
    writeFileSync(at(`data/labels-${name}.png`), pngBytes({ width, height }, labels, [0, 0xff0000, 0x00ff00]))
  }
  const labelled = rows.map((row) => row.replace(/masks\/(\d+)\.png/, "labels-$1.png"))
  writeFileSync(at("data/classes.csv"), `${header}\n${labelled.join("\n")}\n`)
  // A rate that moves nothing: initial values of these seeds give masks in which everything is somewhere.
  const train = (name: string, data: string, out: string, ...more: readonly string[]) =>
    done("train", `specs.ts#${name}`, "--data", data, "--out", out, "--epochs", "1", "--rate", "1e-9", ...more)
  train("several", "data/classes.csv", "classes", "--seed", "8")
  train("pointing", "data/data.csv", "localizer")
  done("data", "split", "data/data.csv", "--folds", "3", "--out", "folds")
  for (const k of [1, 2])
    train("plain", "data/data.csv", `fold-${k}`, "--split", `folds/fold-${k}.json`, "--seed", `${k}`)
}, 120_000)

test("a localizer's run says where, the promptable model what", () => {
  const images = ["data/images/0000.png", "data/images/0001.png"]
  done("segment", "specs.ts#small", ...images, "--out", "located", "--localizer", "localizer")
  const rows = rowsOf("located/table.csv")
  expect(rows.map(({ id, object }) => [id, object])).toEqual([
    ["0000", "1"],
    ["0001", "1"],
  ])
  // The same as its points given by hand.
  done("eval", "localizer", "--data", "data/data.csv", "--part", "all", "--save-points", "points.csv", "--out", "found")
  const points = rowsOf("points.csv")
  for (const [i, image] of images.entries()) {
    const { x, y } = points.find(({ id }) => id === `000${i}`)!
    const within = (value: string | undefined) => `${Math.min(39, Math.max(0, Number(value)))}`
    done("segment", "specs.ts#small", image, "--out", `by-hand-${i}`, "--point", `${within(x)},${within(y)}`)
    expect(readFileSync(at(`by-hand-${i}/masks/000${i}.png`))).toEqual(readFileSync(at(`located/masks/000${i}.png`)))
  }
})

test("a run of classes writes their numbers, with its palette, and a row for each", async () => {
  done("segment", "classes", "data/images", "--out", "several", "--probabilities")
  const bytes = readFileSync(at("several/masks/0000.png"))
  const palette = bytes.indexOf("PLTE")
  expect(bytes.readUInt32BE(palette - 4)).toBe(9)
  const colours = [0, 1, 2].map((k) => bytes.readUIntBE(palette + 4 + 3 * k, 3))
  expect(colours).toEqual([0, 1, 2].map(colourOf))
  const { kind, values, width } = await readLabels(at("several/masks/0000.png"))
  expect([kind, width]).toEqual(["palette", 40])
  // Two classes are there, so that mixing them up would be seen.
  expect([...new Set(Array.from(values))].sort()).toEqual([1, 2])
  const rows = rowsOf("several/table.csv")
  expect(rows.filter(({ id }) => id === "0000").map((row) => [row["object"], row["class"]])).toEqual([
    ["1", "nerve"],
    ["2", "vessel"],
  ])
  // The class of the largest probability, pixel by pixel.
  const planes = await Promise.all([1, 2].map((k) => probabilities(`several/probabilities/0000.${k}.png`)))
  values.forEach((label, i) => {
    const [nerve, vessel] = [planes[0]![i]!, planes[1]![i]!]
    const chances = [65535 - nerve - vessel, nerve, vessel]
    expect(chances[label]!).toBeGreaterThanOrEqual(Math.max(...chances) - 3)
  })
  for (const row of rows.filter(({ id }) => id === "0000"))
    expect(Number(row["pixels"])).toBe(values.filter((v) => v === Number(row["object"])).length)
})

test("runs of folds average their probabilities, once", async () => {
  const image = "data/images/0003.png"
  for (const [out, ...runs] of [
    ["one", "fold-1"],
    ["two", "fold-2"],
    ["both", "fold-1", "fold-2"],
  ] as const)
    done("segment", ...runs, image, "--out", out, "--probabilities")
  const [one, two, both] = await Promise.all(
    ["one", "two", "both"].map((out) => probabilities(`${out}/probabilities/0003.png`)),
  )
  expect(one).not.toEqual(two)
  both!.forEach((p, i) => expect(Math.abs(p - (one![i]! + two![i]!) / 2)).toBeLessThanOrEqual(1))
  const mask = await readLabels(at("both/masks/0003.png"))
  expect(new Set(Array.from(mask.values)).size).toBe(2)
  mask.values.forEach((v, i) => {
    if (Math.abs(both![i]! - 32767.5) > 1) expect(v > 0).toBe(both![i]! > 32767.5)
  })
})

test.each([
  ["classes", [], "labels"],
  ["specs.ts#small", ["--point", "20,15"], "prompted"],
] as const)("four images a step give the masks of one: %s", async (subject, prompts, name) => {
  for (const batch of ["1", "4"])
    done("segment", subject, "data/images", ...prompts, "--out", `${name}-${batch}`, "--batch", batch)
  for (let i = 0; i < 6; i++) {
    const [alone, together] = await Promise.all(["1", "4"].map((b) => readLabels(at(`${name}-${b}/masks/000${i}.png`))))
    expect(together!.values).toEqual(alone!.values)
    expect((await readImage(at(`${name}-4/overlays/000${i}.png`))).width).toBe(40)
  }
  expect(rowsOf(`${name}-4/table.csv`).length).toBe(rowsOf(`${name}-1/table.csv`).length)
  // Going on with another batch is the same run.
  expect(done("segment", subject, "data/images", ...prompts, "--out", `${name}-4`, "--batch", "2")).toContain(
    "6 images were done before",
  )
})
