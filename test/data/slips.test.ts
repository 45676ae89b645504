/** Slips that people make with folders, tables and masks: understood, or told by name; never passed over in silence. */
import { join } from "node:path"
import sharp from "sharp"
import { expect, test } from "vitest"
import { checkData } from "../../src/runtime/data/check.ts"
import { dataReportText } from "../../src/runtime/data/checkText.ts"
import { readImage } from "../../src/runtime/data/image.ts"
import { diagnosticsOf, goodFolders, rectangle, scan, temporary, write, writeGrey } from "./helpers.ts"

let seed = 100
const image = (path: string) => writeGrey(path, 10, 8, scan(10, 8, ++seed))
const mask = (path: string) => writeGrey(path, 10, 8, rectangle(10, 8))
const pairs = async (root: string, list: readonly (readonly [image: string, mask: string])[]) => {
  for (const [a, b] of list) {
    await image(join(root, a))
    await mask(join(root, b))
  }
}
type Slip = readonly [name: string, make: (root: string) => Promise<unknown>, cases: number, says: string]
const table = (text: string) => async (root: string) => {
  await goodFolders(root)
  await write(join(root, "data.csv"), text)
}
const rows = (more: (i: number) => string = () => "") =>
  [0, 1, 2, 3].map((i) => `images/${i}.png,masks/${i}.png${more(i)}\n`).join("")

const slips: readonly Slip[] = [
  [
    "an archive unpacked into a folder in a folder",
    (root) => pairs(join(root, "data/busi"), [["benign/benign (1).png", "benign/benign (1)_mask.png"]]),
    1,
    "note: the data are in data/busi, the only folder there",
  ],
  [
    "beside what a Mac leaves in archives",
    async (root) => {
      await pairs(join(root, "set"), [["images/a.png", "masks/a.png"]])
      await write(join(root, "__MACOSX/._set"), "x")
    },
    1,
    "note: the data are in set",
  ],
  [
    "names that differ in upper and lower case",
    (root) => pairs(root, [["Images/A0.png", "Masks/a0_Mask.png"]]),
    1,
    "layout       folders",
  ],
  [
    "a table without a header",
    table(rows()),
    4,
    "note: data.csv is not used: its first line has no columns image and mask",
  ],
  [
    "a byte order mark and carriage returns",
    table(`\ufeffimage,mask,PatientID\r\n${rows((i) => `,P${i >> 1}\r`)}`),
    4,
    "subjects     2",
  ],
  [
    "quoted fields with commas",
    table(`"image","mask","Patient ID"\n${rows((i) => `,"Doe, J${i}"`)}`),
    4,
    "subjects     4",
  ],
  ["Pt_ID", table(`image,mask,Pt_ID\n${rows((i) => `,${i >> 1}`)}`), 4, "note: the column pt_id is read as subject"],
  ["MRN", table(`image,mask,MRN\n${rows((i) => `,${i >> 1}`)}`), 4, "note: the column mrn is read as subject"],
  ["participant", table(`image,mask,participant\n${rows((i) => `,${i >> 1}`)}`), 4, "subjects     2"],
  ["pixel size", table(`image,mask,pixel_size_mm\n${rows(() => ",0.1")}`), 4, "spacing      of 4 images"],
  ["labels for masks", table(`scan,label_path\n${rows()}`), 4, "note: the column label_path is read as mask"],
  [
    "a name that is nearly one",
    table(`image,mask,paitent\n${rows((i) => `,${i}`)}`),
    4,
    "it may be meant as 'subject'",
  ],
  [
    "spacing with a decimal comma",
    table(`image,mask,spacing\n${rows(() => ',"0,1"')}`),
    0,
    "HS4105: the spacing '0,1, 0,1' is not two positive numbers",
  ],
  [
    "spacing in some rows",
    table(`image,mask,spacing\n${rows((i) => (i < 2 ? ",0.1" : ","))}`),
    4,
    "HS5308: 2 of 4 images have no pixel spacing",
  ],
  [
    "a part that nobody knows",
    table(`image,mask,split\n${rows((i) => (i === 3 ? ",holdout" : ",train"))}`),
    3,
    "HS4105: the part 'holdout' is unknown",
  ],
  [
    "one mask of several images",
    table(`image,mask\n${rows().replace("masks/1", "masks/0")}`),
    4,
    "warning HS4107: one mask is that of several images: 0.png of 0 and 1",
  ],
  ["the same image twice", table(`image,mask\n${rows()}images/0.png,masks/0.png\n`), 4, "HS4107: 0 is listed twice"],
  ...([1, 2, 3] as const).map(
    (n): Slip => [
      `${n} of 4 masks inverted`,
      async (root) => {
        await goodFolders(root)
        for (let i = 0; i < n; i++)
          await writeGrey(
            join(root, `masks/${i}.png`),
            10,
            8,
            rectangle(10, 8).map((v) => 255 - v),
          )
      },
      4,
      "error HS4212",
    ],
  ),
  [
    "masks in red",
    async (root) => {
      for (let i = 0; i < 2; i++) {
        await image(join(root, `images/${i}.png`))
        const red = Buffer.from([...rectangle(10, 8)].flatMap((v) => [v, 0, 0]))
        await write(
          join(root, `masks/${i}.png`),
          await sharp(red, { raw: { width: 10, height: 8, channels: 3 } })
            .png()
            .toBuffer(),
        )
      }
    },
    2,
    "mask values  0 and #ff0000 (2)",
  ],
]

test.each(slips)("%s", async (_, make, cases, says) => {
  const root = await temporary()
  await make(root)
  const report = await checkData(root)
  expect(dataReportText(report)).toContain(says)
  expect(report.cases).toBe(cases)
})

test("two names that differ in case only stay two", async () => {
  const root = await temporary()
  await pairs(root, [
    ["images/a.png", "masks/a.png"],
    ["images/A.png", "masks/A.png"],
  ])
  await mask(join(root, "masks/a_mask.PNG"))
  const { cases, diagnostics } = await checkData(root)
  expect(cases).toBe(2)
  expect(diagnostics.filter(({ code }) => code === "HS4104")).toEqual([])
})

const rgb = Buffer.from(Array.from({ length: 3 * 80 }, (_, i) => (i * 37) % 256))
const picture = () => sharp(rgb, { raw: { width: 10, height: 8, channels: 3 } })
test.each([
  [
    "a JPEG of CMYK colours",
    () => picture().toColourspace("cmyk").jpeg().toBuffer(),
    "x.jpg",
    "a JPEG of CMYK colours",
  ],
  [
    "a TIFF of CMYK colours",
    () => picture().toColourspace("cmyk").tiff().toBuffer(),
    "x.tif",
    "a TIFF of CMYK colours",
  ],
  [
    "DICOM's elements without their head",
    async () => Buffer.from("\x08\0\x05\0CS\x0a\0ISO_IR 100", "latin1"),
    "x.dcm",
    "a headerless DICOM file",
  ],
  [
    "DICOM's second group without its head",
    async () => Buffer.from("\x02\0\0\0UL\x04\0\x10\0\0\0", "latin1"),
    "x",
    "a headerless DICOM file",
  ],
  ["an Analyze pair", async () => Buffer.alloc(400), "x.img", "an Analyze file"],
] as const)("%s is refused by its name", async (_, make, name, says) => {
  const path = join(await temporary(), name)
  await write(path, await make())
  const [problem] = await diagnosticsOf(() => readImage(path))
  expect(problem!.code).toBe("HS4208")
  expect(problem!.message).toContain(`the file is ${says}, which is not read`)
})
