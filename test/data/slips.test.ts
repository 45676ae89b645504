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

/** Three images, each with the mask that is made of the pixel's number and its place in the rectangle. */
const masked = (value: (inside: boolean, i: number) => number | readonly number[]) => async (root: string) => {
  const values = [...rectangle(10, 8)].map((v, i) => value(v > 0, i))
  const channels = Array.isArray(values[0]) ? 3 : 1
  const png = await sharp(Buffer.from(values.flat()), { raw: { width: 10, height: 8, channels } })
    .toColourspace(channels === 1 ? "b-w" : "srgb")
    .png()
    .toBuffer()
  for (let i = 0; i < 3; i++) {
    await image(join(root, `images/${i}.png`))
    await write(join(root, `masks/${i}.png`), png)
  }
}
const turned = (orientation: number) => async (root: string) => {
  for (let i = 0; i < 3; i++) {
    const pixels = sharp(Buffer.from(scan(10, 8, ++seed)), { raw: { width: 10, height: 8, channels: 1 } })
    await write(join(root, `images/${i}.jpg`), await pixels.withMetadata({ orientation }).jpeg().toBuffer())
    await mask(join(root, `masks/${i}.png`))
  }
}
const list = (line: (i: number) => string) => [0, 1, 2, 3].map((i) => `${line(i)}\n`).join("")

const more: readonly Slip[] = [
  [
    "semicolons, quoted, carriage returns",
    table(`"image";"mask"\r\n${list((i) => `"images/${i}.png";"masks/${i}.png"\r`)}`),
    0,
    "HS4105: the table is separated by semicolons",
  ],
  [
    "a table of UTF-16",
    async (root) => {
      await goodFolders(root)
      await write(join(root, "data.csv"), Buffer.from(`\ufeffimage,mask\n${rows()}`, "utf16le"))
    },
    0,
    "HS4105: the table is UTF-16 text",
  ],
  [
    "umlauts of Windows: two patients stay two",
    async (root) => {
      await goodFolders(root)
      const text = `image,mask,patient\n${rows((i) => (i < 2 ? ",Müller" : ",Möller"))}`
      await write(join(root, "data.csv"), Buffer.from(text, "latin1"))
    },
    4,
    "subjects     2",
  ],
  ["spaces after commas", table(`image, mask, patient\n${rows((i) => `, P${i >> 1}`)}`), 4, "subjects     2"],
  [
    "a column of row numbers",
    table(`,image,mask,patient\n${list((i) => `${i},images/${i}.png,masks/${i}.png,P${i}`)}`),
    4,
    "subjects     4",
  ],
  ["backslashes", table(`image,mask\n${rows().replaceAll("/", "\\")}`), 4, "layout       table"],
  ["a row that is cut off", table(`image,mask,patient\n${rows((i) => (i === 2 ? "" : ",P"))}`), 0, "got 2 on line 4"],
  [
    "names without their folders end in the table that would do",
    table(`image,mask\n${list((i) => `${i}.png,${i}.png`)}`),
    0,
    "images/0.png,masks/0.png,P01",
  ],
  ["a row without a mask", table(`image,mask\n${rows().replace("masks/2.png", "")}`), 3, "HS4105: the row has no mask"],
  [
    "parts as people spell them",
    table(`image,mask,split\n${rows((i) => `,${["Train", "VAL", "valid", "Testing"][i]}`)}`),
    4,
    "given parts  1 train, 2 validation, 1 test",
  ],
  ["parts as numbers", table(`image,mask,split\n${rows((i) => `,${i}`)}`), 0, "HS4105: the part '0' is unknown"],
  [
    "a patient in two parts",
    table(`image,mask,patient,split\n${rows((i) => `,P${i >> 1},${i % 2 ? "test" : "train"}`)}`),
    4,
    "error HS4301: subjects are in two of the parts that the data come in: P0, P1",
  ],
  [
    "spacing in micrometres",
    table(`image,mask,spacing\n${rows(() => ",260")}`),
    4,
    "warning HS5308: the pixel spacing makes 4 of 4 images wider than a metre, as 0: 10 pixels of 260 mm are 2.6 m",
  ],
  ["spacing with its unit", table(`image,mask,spacing\n${rows(() => ",0.06 mm")}`), 0, "HS4105: the spacing '0.06 mm"],
  ["spacing of nothing", table(`image,mask,spacing\n${rows(() => ",0")}`), 0, "is not two positive numbers"],
  ["a table of no rows", table("image,mask\n"), 0, "error HS4102: there are no images"],
  ["a workbook called .csv", table("PK\u0003\u0004…"), 4, "note: data.csv is not used"],
  ["masks of 0 and 1", masked((inside) => Number(inside)), 3, "fine: nothing that would spoil"],
  ["masks of 0, 128 and 255", masked((inside, i) => (i > 60 ? 128 : 255 * Number(inside))), 3, "error HS4203"],
  ["masks of 1 and 2", masked((inside) => 1 + Number(inside)), 3, "error HS4203"],
  ["masks whose 255 is to be ignored", masked((inside, i) => (i % 10 === 9 ? 255 : Number(inside))), 3, "error HS4203"],
  [
    "masks of two colours",
    masked((inside, i) => (i > 60 ? [0, 255, 0] : inside ? [255, 0, 0] : [0, 0, 0])),
    3,
    "--palette '#000000,#ff0000'",
  ],
  ["masks of nothing", masked(() => 0), 3, "error HS4205: all masks are empty"],
  ["masks of everything", masked(() => 255), 3, "error HS4206: every pixel of every mask is foreground"],
  [
    "images that lie on their sides, masks that do not",
    turned(6),
    3,
    "HS4202: the mask is 10 × 8 and its image 8 × 10 pixels, once the image is turned as its orientation tag says",
  ],
  [
    "images that stand on their heads, masks that may not",
    turned(3),
    3,
    "warning HS4202: 3 of 3 images are turned by an orientation tag that their masks do not have, as 0, 1, 2",
  ],
  ["one image", (root) => goodFolders(root, 1), 1, "fine: nothing that would spoil"],
  [
    "an image of a telephone",
    async (root) => {
      await goodFolders(root)
      await write(join(root, "images/9.heic"), "x")
      await mask(join(root, "masks/9.png"))
    },
    5,
    "HS4208: the file is an HEIC file",
  ],
  [
    "an image of one grey",
    async (root) => {
      await goodFolders(root)
      await writeGrey(join(root, "images/3.png"), 10, 8, new Uint8Array(80).fill(7))
    },
    4,
    "warning HS4213: 1 of 4 images show nothing",
  ],
  [
    "names of a Mac beside names of others",
    async (root) => {
      await image(join(root, `images/${"ü".normalize("NFC")}.png`))
      await mask(join(root, `masks/${"ü".normalize("NFD")}.png`))
    },
    1,
    "layout       folders",
  ],
  [
    "a table that spells an umlaut as Macs do, beside files of others",
    async (root) => {
      await image(join(root, `images/${"ü".normalize("NFC")}.png`))
      await mask(join(root, `masks/${"ü".normalize("NFC")}.png`))
      await write(join(root, "data.csv"), `image,mask\n${"images/ü.png,masks/ü.png".normalize("NFD")}\n`)
    },
    1,
    "layout       table",
  ],
  [
    "img_1 and mask_01: the table that would do pairs them by their numbers",
    (root) =>
      pairs(root, [
        ["images/img_1.png", "masks/mask_01.png"],
        ["images/img_2.png", "masks/mask_02.png"],
      ]),
    0,
    "images/img_1.png,masks/mask_01.png,P01",
  ],
  [
    "what a Mac and Windows leave in folders",
    async (root) => {
      await goodFolders(root)
      for (const name of ["Thumbs.db", ".DS_Store", "._0.png"]) await write(join(root, "images", name), "x")
    },
    4,
    "fine: nothing that would spoil",
  ],
]

test.each([...slips, ...more])("%s", async (_, make, cases, says) => {
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
