/** What data say of themselves: layouts, columns, subjects, parts, spacing; and what is said where they do not. */
import { readFile } from "node:fs/promises"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { beforeAll, describe, expect, test } from "vitest"
import { checkData, isUsable } from "../../src/runtime/data/check.ts"
import { dataReportText } from "../../src/runtime/data/checkText.ts"
import { findCases, openData } from "../../src/runtime/data/layouts/index.ts"
import {
  diagnosticsOf,
  goodFolders,
  rectangle,
  scan,
  shared,
  temporary,
  withCode,
  write,
  writeGrey,
} from "./helpers.ts"

let seed = 0
const image = (path: string) => writeGrey(path, 10, 8, scan(10, 8, ++seed))
const mask = (path: string) => writeGrey(path, 10, 8, rectangle(10, 8))

/** Files of images and masks, and what each case is to be: id, subject, class, part. */
const layouts: Readonly<Record<string, { images: string[]; masks: string[]; layout: string; cases: unknown[] }>> = {
  "BUSI with folders images and masks in each class": {
    images: ["benign/images/benign (1).png", "malignant/images/malignant (2).png", "normal/images/normal (3).png"],
    masks: ["benign/masks/benign (1).png", "malignant/masks/malignant (2)_mask.png", "normal/masks/normal (3).png"],
    layout: "busi",
    cases: [
      ["benign/benign (1)", undefined, "benign", undefined],
      ["malignant/malignant (2)", undefined, "malignant", undefined],
    ],
  },
  "images and masks with folders of classes in each": {
    images: ["images/benign/1.png", "images/malignant/2.png"],
    masks: ["masks/benign/1.png", "masks/malignant/2.png"],
    layout: "folders",
    cases: [
      ["benign/1", undefined, "benign", undefined],
      ["malignant/2", undefined, "malignant", undefined],
    ],
  },
  "images and masks with folders of parts in each": {
    images: ["images/train/1.png", "images/val/2.png", "images/test/3.png"],
    masks: ["labels/train/1.png", "labels/val/2.png", "labels/test/3.png"],
    layout: "folders",
    cases: [
      ["test/3", undefined, undefined, "test"],
      ["train/1", undefined, undefined, "train"],
      ["val/2", undefined, undefined, "validation"],
    ],
  },
  "images and masks with folders of patients in each": {
    images: ["images/patient01/1.png", "images/patient02/1.png"],
    masks: ["masks/patient01/1.png", "masks/patient02/1.png"],
    layout: "folders",
    cases: [
      ["patient01/1", "patient01", undefined, undefined],
      ["patient02/1", "patient02", undefined, undefined],
    ],
  },
  "Kaggle's names as PNG, without a csv": {
    images: ["train/1_1.png", "train/1_2.png", "train/7_1.png"],
    masks: ["train/1_1_mask.png", "train/1_2_mask.png", "train/7_1_mask.png"],
    layout: "kaggle",
    cases: [
      ["1_1", "1", undefined, undefined],
      ["1_2", "1", undefined, undefined],
      ["7_1", "7", undefined, undefined],
    ],
  },
  "Kaggle's names in folders": {
    images: ["images/1_1.png", "images/1_2.png", "images/7_1.png", "images/7_2.png"],
    masks: ["masks/1_1.png", "masks/1_2.png", "masks/7_1.png", "masks/7_2.png"],
    layout: "folders",
    cases: [
      ["1_1", "1", undefined, undefined],
      ["1_2", "1", undefined, undefined],
      ["7_1", "7", undefined, undefined],
      ["7_2", "7", undefined, undefined],
    ],
  },
  "nnU-Net": {
    images: ["imagesTr/a_001_0000.png", "imagesTr/a_002_0000.png", "imagesTs/a_003_0000.png"],
    masks: ["labelsTr/a_001.png", "labelsTr/a_002.png", "labelsTs/a_003.png"],
    layout: "nnunet",
    cases: [
      ["a_001", undefined, undefined, undefined],
      ["a_002", undefined, undefined, undefined],
      ["test/a_003", undefined, undefined, "test"],
    ],
  },
  "one folder of images and masks": {
    images: ["a.png", "b.png"],
    masks: ["a_mask.png", "b_mask_1.png"],
    layout: "folders",
    cases: [
      ["a", undefined, undefined, undefined],
      ["b", undefined, undefined, undefined],
    ],
  },
}

test.each(Object.entries(layouts))("%s", async (_, { images, masks, layout, cases }) => {
  const root = await temporary()
  for (const name of images) await image(join(root, name))
  for (const name of masks) await mask(join(root, name))
  const data = await openData(root)
  expect(data.layout).toBe(layout)
  expect(data.cases.map((one) => [one.id, one.subject, one.class, one.part])).toEqual(cases)
  expect(isUsable(await checkData(root))).toBe(true)
})

test("nnU-Net: classes by name, channels of one case, labels that are missing", async () => {
  const root = await temporary()
  for (const name of ["a_0000", "a_0001", "b_0000"]) await image(join(root, "imagesTr", `${name}.png`))
  await mask(join(root, "labelsTr", "a.png"))
  await write(join(root, "dataset.json"), JSON.stringify({ labels: { background: 0, nerve: 1, vessel: 2 } }))
  const { data, diagnostics } = await findCases(root)
  expect(diagnostics.map(({ code }) => code)).toEqual(["HS4210", "HS4103"])
  expect(data.notes).toEqual(["classes in dataset.json: 1 nerve, 2 vessel"])
})

describe("a table's columns", () => {
  const table = async (header: string, row = "a.png,m.png,P7,test") => {
    const root = await temporary()
    await image(join(root, "a.png"))
    await mask(join(root, "m.png"))
    await write(join(root, "data.csv"), `${header}\n${row}\n`)
    return root
  }
  test.each([
    "image,mask,subject,part",
    "Image,Mask,PatientID,Split",
    "image_path,mask_path,patient_id,set",
    "img,segmentation,Patient ID,subset",
    "image,mask,subject_id,split",
  ])("%s", async (header) => {
    const { cases } = await openData(await table(header))
    expect(cases).toMatchObject([{ subject: "P7", part: "test" }])
  })
  test("one that is nearly understood is asked about, and one that is not is named", async () => {
    const { data, diagnostics } = await findCases(await table("image,mask,patiant,age"))
    expect(diagnostics).toMatchObject([
      {
        code: "HS4105",
        severity: "warning",
        message: "the column 'patiant' is not used; it may be meant as 'subject'",
      },
    ])
    expect(data.notes).toEqual(["columns that are not used: patiant, age"])
  })
  test.each([
    [";", "semicolons"],
    ["\t", "tabs"],
    ["|", "bars"],
  ])("another delimiter is said of the folder and of the file: %j", async (mark, name) => {
    const root = await table(
      ["image", "mask", "subject", "part"].join(mark),
      ["a.png", "m.png", "P7", "test"].join(mark),
    )
    for (const path of [root, join(root, "data.csv")])
      expect(await diagnosticsOf(() => openData(path))).toMatchObject([
        { code: "HS4105", message: `the table is separated by ${name}, not by commas` },
      ])
  })
  test("spacing in a part of the rows is told before anything is trained", async () => {
    const root = await temporary()
    await goodFolders(root, 3)
    const rows = [0, 1, 2].map((i) => `images/${i}.png,masks/${i}.png,P${i},${i === 1 ? "" : 0.1}`)
    await write(join(root, "data.csv"), `image,mask,patient,spacing\n${rows.join("\n")}\n`)
    const { diagnostics } = await checkData(root)
    expect(diagnostics).toMatchObject([{ code: "HS5308", message: "1 of 3 images have no pixel spacing: 1" }])
  })
})

test("a pattern finds subjects in any layout, and one that matches nothing is refused", async () => {
  const root = await temporary()
  for (const name of ["p1-a", "p1-b", "p2-a"]) {
    await image(join(root, "images", `${name}.png`))
    await mask(join(root, "masks", `${name}.png`))
  }
  const data = await openData(root, { subject: /^(p\d)-/ })
  expect(data.cases.map(({ subject }) => subject)).toEqual(["p1", "p1", "p2"])
  expect(data.notes).toEqual(["subjects are read from the files' names: p1-a is of p1"])
  expect(await diagnosticsOf(() => openData(root, { subject: /^q(\d)/ }))).toMatchObject([{ code: "HS5002" }])
})

test("the pixel spacing of DICOM and NIfTI", async () => {
  const root = await temporary()
  const files = fileURLToPath(new URL("files", import.meta.url))
  for (const name of ["regions.dcm", "millimetres.nii.gz"]) {
    await write(join(root, "images", name), await readFile(join(files, name)))
    await writeGrey(join(root, "masks", name.replace(/\..*/, ".png")), 13, 9, rectangle(13, 9))
  }
  const { cases } = await openData(root)
  expect(cases.map(({ id, spacing }) => [id, spacing?.x.toFixed(3), spacing?.y.toFixed(3)])).toEqual([
    ["millimetres", "0.200", "0.300"],
    ["regions", "0.060", "0.070"],
  ])
})

test("a mask whose axes run elsewhere than its image's is refused", async () => {
  const root = await temporary()
  const files = fileURLToPath(new URL("files", import.meta.url))
  await write(join(root, "images", "a.nii"), await readFile(join(files, "8of16.nii")))
  await write(join(root, "masks", "a.nii"), await readFile(join(files, "othermask.nii")))
  expect((await checkData(root)).diagnostics[0]).toMatchObject({
    code: "HS4202",
    message: "the mask's axes run to RA and its image's to LP",
  })
})

test("no layout: the report ends with the table that would do", async () => {
  const root = await temporary()
  for (const i of [1, 2]) {
    await image(join(root, "scans of today", `${i}.png`))
    await mask(join(root, "drawn", "masks", `${i}.png`))
  }
  const report = await checkData(root)
  expect(report.diagnostics).toMatchObject([{ code: "HS4101" }])
  expect(report.table).toBe(
    "image,mask,subject,spacing\nscans of today/1.png,drawn/masks/1.png,P01,\nscans of today/2.png,drawn/masks/2.png,P02,\n",
  )
  // It would do.
  await write(join(root, "data.csv"), report.table!)
  expect(isUsable(await checkData(root))).toBe(true)
})

describe("data that are there, looked at once", () => {
  const options = { "usgra-seg": { class: 1 }, "busi-sample": {} } as const
  const known = Object.keys(options) as readonly (keyof typeof options)[]
  const roots = Object.fromEntries(known.map((name) => [name, shared(name)]))
  const reports: Record<string, Awaited<ReturnType<typeof checkData>>> = {}
  beforeAll(async () => {
    for (const name of known) if (roots[name] !== undefined) reports[name] = await checkData(roots[name], options[name])
  })

  // Where they are missing, shared() has said so.
  for (const name of known)
    test.skipIf(roots[name] === undefined)(`the report on ${name}`, async () => {
      const text = dataReportText(reports[name]!).replaceAll(roots[name]!, name)
      await expect(text).toMatchFileSnapshot(fileURLToPath(new URL(`golden/${name}.txt`, import.meta.url)))
    })
  test.skipIf(roots["usgra-seg"] === undefined)(
    "usgra-seg is usable once a class is chosen, with what is odd in it named",
    async () => {
      const report = reports["usgra-seg"]!
      expect(isUsable(report)).toBe(true)
      expect(report).toMatchObject({ cases: 244, parts: { test: 40 }, masks: { empty: 0 } })
      expect(withCode(report.diagnostics, "HS4207")).toMatchObject([
        { message: "images are there more than once: 0043 = 0077" },
      ])
      expect(isUsable(await checkData(roots["usgra-seg"]!))).toBe(false) // no class chosen
    },
  )
  test.skipIf(roots["busi-sample"] === undefined)("BUSI is usable, with what is odd in it named", () => {
    const busi = reports["busi-sample"]!
    expect(busi).toMatchObject({
      layout: "busi",
      cases: 106,
      classes: { benign: 65, malignant: 41 },
      masks: { severalPerImage: 7 },
    })
    expect(withCode(busi.diagnostics, "HS4206")).toMatchObject([
      { severity: "warning", message: "2 of 106 masks cover the whole image: benign (4), benign (54)" },
    ])
  })
})
