/** Public sets in the exact form in which they come: their files' names, tables and lists; the authors' folds as they made them. */
import { join } from "node:path"
import { expect, test } from "vitest"
import { findCases, openData } from "../../src/runtime/data/layouts/index.ts"
import { splitCases } from "../../src/runtime/data/split.ts"
import { temporary, write } from "./helpers.ts"

test("BUS-BRA: patients and their folds, by five and ten", async () => {
  const root = join(await temporary(), "BUSBRA")
  const ids = Array.from({ length: 20 }, (_, i) => `bus_${String((i >> 1) + 1).padStart(4, "0")}-${i % 2 ? "r" : "l"}`)
  const rows = ids.map((id, i) => [
    id,
    (i >> 1) + 1,
    "Fibroadenoma",
    i % 4 < 2 ? "benign" : "malignant",
    4,
    "GE Logiq 5",
  ])
  await write(
    join(root, "bus_data.csv"),
    `ID,Case,Histology,Pathology,BIRADS,Device\n${rows.map((row) => row.join(",")).join("\n")}\n`,
  )
  for (const id of ids) {
    await write(join(root, "Images", `${id}.png`), "")
    await write(join(root, "Masks", `${id.replace("bus", "mask")}.png`), "")
  }
  const folds = (k: number) =>
    write(
      join(root, `${k}-fold-cv.csv`),
      `ID,Case,Pathology,BIRADS,kFold\n${ids.map((id, i) => `${id},${(i >> 1) + 1},benign,4,${((i >> 1) % k) + 1}`).join("\n")}\n`,
    )
  await folds(5)
  await folds(10)
  const { layout, cases, folds: own } = await openData(join(root, ".."))
  expect([layout, cases.length]).toEqual(["busbra", 20])
  expect(cases[1]).toMatchObject({
    id: "bus_0001-r",
    subject: "1",
    class: "benign",
    mask: { paths: [join(root, "Masks/mask_0001-r.png")] },
  })
  expect(own!.map(({ splits }) => splits.length).sort()).toEqual([10, 5])
  const [first] = own!.find(({ name }) => name === "5-fold-cv.csv")!.splits
  expect(first).toMatchObject({
    by: "subject",
    test: ["bus_0001-l", "bus_0001-r", "bus_0006-l", "bus_0006-r"],
    validation: ["bus_0002-l", "bus_0002-r", "bus_0007-l", "bus_0007-r"],
  })
  expect(first!.train.length).toBe(12)
  await write(join(root, "5-fold-cv.csv"), "ID,kFold\nbus_0001-l,9\n")
  expect((await findCases(root)).diagnostics).toMatchObject([{ code: "HS4105", severity: "error" }])
})

test("TN3K: folds of trainval, tested on the test images", async () => {
  const root = await temporary()
  for (const [part, n] of [
    ["trainval", 10],
    ["test", 3],
  ] as const)
    for (let i = 0; i < n; i++)
      for (const kind of ["image", "mask"])
        await write(join(root, `${part}-${kind}`, `${String(i).padStart(4, "0")}.jpg`), "")
  for (let fold = 0; fold < 5; fold++) {
    const val = [2 * fold, 2 * fold + 1]
    const train = Array.from({ length: 10 }, (_, i) => i).filter((i) => !val.includes(i))
    await write(join(root, `tn3k-trainval-fold${fold}.json`), JSON.stringify({ train, val }))
  }
  const { layout, cases, folds } = await openData(root)
  expect([layout, cases.length, folds![0]!.splits.length]).toEqual(["tn3k", 13, 5])
  expect(folds![0]!.splits[1]).toMatchObject({
    validation: ["trainval/0002", "trainval/0003"],
    test: ["test/0000", "test/0001", "test/0002"],
  })
  expect(splitCases(cases).test.length).toBe(3)
  await write(join(root, "tn3k-trainval-fold4.json"), '{"train": [99], "val": []}')
  expect((await findCases(root)).diagnostics).toMatchObject([{ code: "HS4303" }])
})

test("CAMUS: views, phases and the official lists of patients", async () => {
  const root = join(await temporary(), "CAMUS_public")
  const patients = ["patient0001", "patient0002", "patient0003"]
  for (const patient of patients)
    for (const name of ["2CH_ED", "2CH_ES", "4CH_ED", "4CH_ES", "2CH_half_sequence"])
      for (const suffix of ["", "_gt"])
        await write(join(root, "database_nifti", patient, `${patient}_${name}${suffix}.nii.gz`), "")
  for (const [i, name] of ["training", "validation", "testing"].entries())
    await write(join(root, "database_split", `subgroup_${name}.txt`), `${patients[i]}\n`)
  const { layout, cases, notes } = await openData(join(root, ".."))
  expect([layout, cases.length]).toEqual(["camus", 12])
  expect(cases[0]).toMatchObject({ id: "patient0001_2CH_ED", subject: "patient0001", class: "2CH", part: "train" })
  expect(notes.join()).toContain("3 sequences")
  const { train, validation, test: tested } = splitCases(cases)
  expect([train.length, validation.length, tested.length]).toEqual([4, 4, 4])
  expect(tested.every((id) => id.startsWith("patient0003"))).toBe(true)
})
