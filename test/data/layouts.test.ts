import { join } from "node:path"
import { expect, test } from "vitest"
import { findCases, openData } from "../../src/runtime/data/layouts/index.ts"
import { loadCase } from "../../src/runtime/data/mask.ts"
import { area } from "../../src/runtime/data/raster.ts"
import { encodeRle } from "../../src/runtime/data/rle.ts"
import { diagnosticsOf, goodFolders, rectangle, scan, shared, temporary, write, writeGrey } from "./helpers.ts"

/** Kaggle's exact format: 580 × 420, 8 bits, TIFF pairs in train/, and the csv beside it. */
const kaggle = async (root: string, { masks = true, csv = true } = {}) => {
  const rows = ["subject,img,pixels"]
  for (const [subject, img, filled] of [
    [1, 1, true],
    [1, 10, false],
    [12, 3, true],
  ] as const) {
    const values = filled ? rectangle(580, 420, 255, [100, 50, 160 + img, 90]) : new Uint8Array(580 * 420)
    await writeGrey(join(root, "train", `${subject}_${img}.tif`), 580, 420, scan(580, 420, img))
    if (masks) await writeGrey(join(root, "train", `${subject}_${img}_mask.tif`), 580, 420, values)
    rows.push(`${subject},${img},${encodeRle({ width: 580, height: 420, data: values.map((v) => v / 255) })}`)
  }
  if (csv) await write(join(root, "train_masks.csv"), `${rows.join("\n")}\n`)
  return root
}

test("Kaggle nerve: TIFF pairs and run lengths are the same masks", async () => {
  const root = await kaggle(await temporary())
  const files = await openData(root)
  const runs = await openData(root, { masks: "rle" })
  expect(files.layout).toBe("kaggle")
  expect(files.cases.map(({ id, subject }) => [id, subject])).toEqual([
    ["12_3", "12"],
    ["1_1", "1"],
    ["1_10", "1"],
  ])
  expect(runs.cases.map(({ mask }) => mask.kind)).toEqual(["rle", "rle", "rle"])
  const areas = []
  for (const [i, one] of files.cases.entries()) {
    const [a, b] = [await loadCase(one), await loadCase(runs.cases[i]!)]
    expect(Buffer.from(a.mask.data).equals(Buffer.from(b.mask.data))).toBe(true)
    areas.push(area(a.mask))
  }
  expect(areas).toEqual([63 * 40, 61 * 40, 0])
})

test("Kaggle nerve: only the csv, and the folder train itself", async () => {
  const root = await kaggle(await temporary(), { masks: false })
  expect((await openData(root)).cases[0]?.mask).toMatchObject({ kind: "rle", line: 4 })
  expect((await openData(join(root, "train"))).cases.length).toBe(3)
})

test("BUSI: classes, several masks, their union", async () => {
  const root = await temporary()
  const at = (name: string) => join(root, "Dataset_BUSI_with_GT", name)
  for (const [name, i] of [
    ["benign/benign (1)", 1],
    ["malignant/malignant (2)", 2],
    ["normal/normal (3)", 3],
  ] as const) {
    await writeGrey(at(`${name}.png`), 20, 10, scan(20, 10, i))
    await writeGrey(at(`${name}_mask.png`), 20, 10, rectangle(20, 10, i === 3 ? 0 : 255))
  }
  await writeGrey(at("benign/benign (1)_mask_1.png"), 20, 10, rectangle(20, 10, 255, [3, 1, 8, 3]))
  const data = await openData(root)
  expect(data.layout).toBe("busi")
  expect(data.cases.map((one) => [one.id, one.class])).toEqual([
    ["benign (1)", "benign"],
    ["malignant (2)", "malignant"],
  ])
  expect(area((await loadCase(data.cases[0]!)).mask)).toBe(14)
  expect((await openData(root, { classes: ["normal"] })).cases.map(({ id }) => id)).toEqual(["normal (3)"])
})

test("BUSI as it is published", async () => {
  const root = shared("busi-sample")
  if (root === undefined) return
  const { data, diagnostics } = await findCases(root)
  expect(diagnostics).toEqual([])
  const several = data.cases.filter(({ mask }) => mask.kind === "files" && mask.paths.length > 1)
  expect(several.map(({ id }) => id)).toContain("benign (195)")
  const { mask } = await loadCase(several[0]!)
  expect(area(mask)).toBeGreaterThan(0)
  const normal = await openData(root, { classes: ["normal"] })
  expect(area((await loadCase(normal.cases[0]!)).mask)).toBe(0)
})

test("folders: pairs by name, subjects by a pattern, the authors' test part", async () => {
  const root = await temporary()
  await goodFolders(root, 2)
  await writeGrey(join(root, "test", "Images", "p7_a.png"), 10, 8, scan(10, 8, 7))
  await writeGrey(join(root, "test", "Masks", "p7_a_mask.png"), 10, 8, rectangle(10, 8))
  const data = await openData(root, { subject: /^p(\d+)_/ })
  expect(data.cases.map(({ id, part, subject }) => [id, part, subject])).toEqual([
    ["0", undefined, undefined],
    ["1", undefined, undefined],
    ["test/p7_a", "test", "7"],
  ])
})

test("usgra-seg: 204 + 40 pairs", async () => {
  const root = shared("usgra-seg")
  if (root === undefined) return
  const { cases } = await openData(root)
  expect([cases.length, cases.filter(({ part }) => part === "test").length]).toEqual([244, 40])
  const { mask } = await loadCase(cases[0]!, { class: 1 })
  const vessels = await loadCase(cases[0]!, { class: 2 })
  expect(area(mask)).toBeGreaterThan(0)
  expect(mask.data.some((x, i) => x === 1 && vessels.mask.data[i] === 1)).toBe(false)
})

test("a table: relative paths, patients, spacing, several masks", async () => {
  const root = await temporary()
  await writeGrey(join(root, "scans", "a b.png"), 10, 8, scan(10, 8, 1))
  await writeGrey(join(root, "m", "1.png"), 10, 8, rectangle(10, 8))
  await writeGrey(join(root, "m", "2.png"), 10, 8, rectangle(10, 8, 1, [6, 6, 8, 8]))
  const csv = '\ufeffImage,Mask,Patient,Spacing,Part,Class\n"scans/a b.png",m/1.png; m/2.png,P01,0.06,val,median\n'
  await write(join(root, "nbsbp.csv"), csv)
  for (const path of [root, join(root, "nbsbp.csv")]) {
    const data = await openData(path)
    expect(data.layout).toBe("table")
    expect(data.cases).toMatchObject([
      { id: "a b", subject: "P01", spacing: { x: 0.06, y: 0.06 }, part: "validation", class: "median" },
    ])
    expect(area((await loadCase(data.cases[0]!)).mask)).toBe(10)
  }
})

test("a layout can be named, and is not another", async () => {
  const root = await temporary()
  await goodFolders(root)
  expect((await openData(root, { layout: "folders" })).cases.length).toBe(4)
  expect(await diagnosticsOf(() => openData(root, { layout: "busi" }))).toMatchObject([
    { code: "HS4101", message: "the data are not in the layout 'busi'" },
  ])
})
