/** HS4208 to HS4214: what is not read, not decided, too large, inverted, empty or of several ranges. */
import { readFile } from "node:fs/promises"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { deflateRawSync, deflateSync, gzipSync } from "node:zlib"
import sharp from "sharp"
import { expect, test } from "vitest"
import { checkData, isUsable } from "../../src/runtime/data/check.ts"
import { readImage } from "../../src/runtime/data/image.ts"
import { diagnosticsOf, goodFolders, rectangle, scan, temporary, withCode, write, writeGrey } from "../data/helpers.ts"

const fixture = (name: string) => fileURLToPath(new URL(`../data/files/${name}`, import.meta.url))

test.each([
  ["other.mha", "HS4208", "the file is a MetaImage file, which is not read"],
  ["jpegls.dcm", "HS4208", "the DICOM is compressed as JPEG-LS, which is not read"],
  ["dark12.png", "HS4209", "it holds values from 0 to 1530 (16-bit PNG)"],
  ["frames.dcm", "HS4210", "the DICOM holds 2 images, and it is not said which is meant"],
] as const)("%s", async (name, code, message) => {
  const found = await diagnosticsOf(() => readImage(fixture(name)))
  expect(found).toMatchObject([{ code, message: expect.stringContaining(message) }])
})

test("HS4208 among a data set's images: told by name, not as a mask without an image", async () => {
  const root = await temporary()
  await goodFolders(root, 2)
  for (const name of ["7.mha", "8.mha"]) {
    await write(join(root, "images", name), await readFile(fixture("other.mha")))
    await writeGrey(join(root, "masks", name.replace("mha", "png")), 13, 9, rectangle(13, 9))
  }
  const { diagnostics } = await checkData(root)
  expect(diagnostics.map(({ code }) => code)).toEqual(["HS4208", "HS4304"])
  expect(diagnostics[0]!.message).toContain("the same of 1 more")
})

/** A header that says more than the file holds, and rows of zeros that deflate to nothing. */
const bomb = (side: number): Buffer => {
  const chunk = (type: string, data: Buffer) => {
    const out = Buffer.alloc(data.length + 12)
    out.writeUInt32BE(data.length, 0)
    out.write(type, 4, "latin1")
    data.copy(out, 8)
    return out
  }
  const header = Buffer.alloc(13)
  header.writeUInt32BE(side, 0)
  header.writeUInt32BE(side, 4)
  header[8] = 8
  const signature = Buffer.from("89504e470d0a1a0a", "hex")
  return Buffer.concat([signature, chunk("IHDR", header), chunk("IDAT", deflateSync(Buffer.alloc(4096))), chunk("IEND", Buffer.alloc(0))])
}

test("HS4211 before anything is decoded, in each format", async () => {
  const root = await temporary()
  const before = process.memoryUsage().rss
  const headers: Readonly<Record<string, Buffer>> = { "a.png": bomb(30_000) }
  const bmp = await readFile(fixture("colour.bmp"))
  bmp.writeInt32LE(40_000, 18)
  bmp.writeInt32LE(40_000, 22)
  const dicom = await readFile(fixture("explicit8.dcm"))
  dicom.writeUInt16LE(65_000, dicom.indexOf(Buffer.from("2800100055530200", "hex")) + 8)
  dicom.writeUInt16LE(65_000, dicom.indexOf(Buffer.from("2800110055530200", "hex")) + 8)
  const nifti = await readFile(fixture("8of16.nii"))
  nifti.writeInt16LE(30_000, 42)
  nifti.writeInt16LE(30_000, 44)
  const tiff = await sharp({ create: { width: 8000, height: 5000, channels: 3, background: "black" } })
    .tiff({ compression: "deflate" })
    .toBuffer()
  const webp = await sharp({ create: { width: 8000, height: 5000, channels: 3, background: "black" } }).webp().toBuffer()
  for (const [name, bytes] of Object.entries({ ...headers, "a.bmp": bmp, "a.dcm": dicom, "a.nii": nifti, "a.tif": tiff, "a.webp": webp })) {
    await write(join(root, name), bytes)
    expect(await diagnosticsOf(() => readImage(join(root, name)))).toMatchObject([{ code: "HS4211" }])
  }
  expect(process.memoryUsage().rss - before).toBeLessThan(700 * 2 ** 20)
})

/** An element with a length of four bytes, explicit and little-endian. */
const element = (tag: readonly [number, number], vr: string, value: Buffer): Buffer => {
  const long = ["OB", "SQ"].includes(vr)
  const head = Buffer.alloc(long ? 12 : 8)
  head.writeUInt16LE(tag[0], 0)
  head.writeUInt16LE(tag[1], 2)
  head.write(vr, 4, "latin1")
  if (long) head.writeUInt32LE(value.length, 8)
  else head.writeUInt16LE(value.length, 6)
  return Buffer.concat([head, value])
}
const dicomOf = (transferSyntax: string, rest: Buffer): Buffer => {
  const syntax = element([2, 0x10], "UI", Buffer.from(transferSyntax.padEnd(transferSyntax.length + (transferSyntax.length % 2), "\0")))
  const size = Buffer.alloc(4)
  size.writeUInt32LE(syntax.length)
  return Buffer.concat([Buffer.alloc(128), Buffer.from("DICM"), element([2, 0], "UL", size), syntax, rest])
}
const short = (n: number): Buffer => Buffer.from([n & 255, n >> 8])
const picture = (side: number, bits: number): Buffer =>
  Buffer.concat([
    element([0x28, 4], "CS", Buffer.from("MONOCHROME2 ")),
    ...[[0x10, side], [0x11, side], [0x100, bits], [0x101, bits], [0x102, bits - 1]].map(([tag, n]) => element([0x28, tag!], "US", short(n!))),
  ])
/** A fragmented pixel element of one fragment. */
const fragment = (bytes: Buffer): Buffer => {
  const item = (length: number) => Buffer.from([0xfe, 0xff, 0x00, 0xe0, ...new Uint8Array(new Uint32Array([length]).buffer)])
  const head = Buffer.from([0xe0, 0x7f, 0x10, 0x00, 0x4f, 0x42, 0, 0, 0xff, 0xff, 0xff, 0xff])
  return Buffer.concat([head, item(0), item(bytes.length), bytes, Buffer.from([0xfe, 0xff, 0xdd, 0xe0, 0, 0, 0, 0])])
}
const endless = Buffer.alloc(60_000 * 20)
for (let at = 0; at < endless.length; at += 20)
  Buffer.from([0x40, 0, 0x30, 0xa7, 0x53, 0x51, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xfe, 0xff, 0x00, 0xe0, 0xff, 0xff, 0xff, 0xff]).copy(endless, at)
const runs = Buffer.alloc(64)
runs.writeUInt32LE(2 ** 32 - 1, 0)

test("what a packed file grows to is bounded by what it says that it holds", async () => {
  const root = await temporary()
  const nifti = await readFile(fixture("8of16.nii"))
  const negative = Buffer.from(nifti)
  negative.writeInt16LE(-16, 42)
  const noAxes = Buffer.from(nifti)
  noAxes.writeInt16LE(0, 40)
  // 300 MB of zeros each, which are a few kilobytes.
  const zeros = Buffer.alloc(300 * 2 ** 20)
  const packed = gzipSync(Buffer.concat([nifti, zeros]), { level: 1 })
  const deflated = dicomOf("1.2.840.10008.1.2.1.99", deflateRawSync(Buffer.concat([picture(16, 8), element([0x7fe0, 0x10], "OB", zeros)]), { level: 1 }))
  const before = process.resourceUsage().maxRSS
  const files: Readonly<Record<string, readonly [Buffer, string, string]>> = {
    "grows.nii.gz": [packed, "HS4201", "it unpacks to more than its header says"],
    "negative.nii": [negative, "HS4201", "its header says that it is -16 × "],
    "flat.nii": [noAxes, "HS4201", "its header says that it has 0 axes"],
    "grows.dcm": [deflated, "HS4208", "the DICOM is deflated, which is not read"],
    "nested.dcm": [dicomOf("1.2.840.10008.1.2.1", Buffer.concat([picture(16, 8), endless])), "HS4201", "its sequences are nested without end"],
    "runs.dcm": [dicomOf("1.2.840.10008.1.2.5", Buffer.concat([picture(16, 8), fragment(runs)])), "HS4201", "it has 4294967295 run-length segments"],
  }
  for (const [name, [bytes, code, message]] of Object.entries(files)) {
    await write(join(root, name), bytes)
    expect(await diagnosticsOf(() => readImage(join(root, name))), name).toMatchObject([{ code, message: expect.stringContaining(message) }])
  }
  // In KiB.
  expect(process.resourceUsage().maxRSS - before).toBeLessThan(150 * 2 ** 10)
  await write(join(root, "whole.nii.gz"), gzipSync(nifti))
  expect((await readImage(join(root, "whole.nii.gz"))).width).toBe((await readImage(fixture("8of16.nii"))).width)
})

const deep = async (path: string, most: number, seed: number) => {
  const values = Uint16Array.from(scan(10, 8, seed), (v) => Math.round((v * most) / 250))
  await write(path, await sharp(values, { raw: { width: 10, height: 8, channels: 1 } }).toColourspace("grey16").png().toBuffer())
}

test("HS4214: one window mends images whose depths were told differently", async () => {
  const root = await temporary()
  await goodFolders(root, 3)
  for (const [i, most] of [4000, 3900, 900].entries()) await deep(join(root, "images", `${i}.png`), most, i + 1)
  const report = await checkData(root)
  expect(withCode(report.diagnostics, "HS4214")).toMatchObject([
    { severity: "error", message: "the images' values were told to have several ranges: 0…4095 (2), 0…1023 (1)" },
  ])
  const said = await checkData(root, { window: [0, 4095] })
  expect(isUsable(said)).toBe(true)
  expect(said.ranges).toEqual({ "0…4095, as --window says": 3 })
})

test("HS4213: an image that shows nothing", async () => {
  const root = await temporary()
  await goodFolders(root, 3)
  await writeGrey(join(root, "images", "1.png"), 10, 8, new Uint8Array(80).fill(90))
  const { diagnostics } = await checkData(root)
  expect(withCode(diagnostics, "HS4213")).toMatchObject([{ severity: "warning", message: expect.stringContaining("1 of 3 images") }])
})

test("HS4212: all masks inverted is a question, and --inverted answers it", async () => {
  const root = await temporary()
  await goodFolders(root, 3)
  for (const i of [0, 1, 2]) await writeGrey(join(root, "masks", `${i}.png`), 10, 8, rectangle(10, 8).map((v) => 255 - v))
  expect(withCode((await checkData(root)).diagnostics, "HS4212")).toMatchObject([{ severity: "warning" }])
  expect(withCode((await checkData(root, { inverted: true })).diagnostics, "HS4212")).toEqual([])
})
