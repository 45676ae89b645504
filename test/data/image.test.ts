import { readFile, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { deflateSync, inflateSync } from "node:zlib"
import { isRight } from "fp-ts/lib/Either.js"
import sharp from "sharp"
import { expect, test } from "vitest"
import { foreground } from "../../src/runtime/data/foreground.ts"
import { readImage, readLabels } from "../../src/runtime/data/image.ts"
import { area } from "../../src/runtime/data/raster.ts"
import { diagnosticsOf, scan, shared, temporary, writeGrey } from "./helpers.ts"

test.each(["a.png", "a.tif"])("grey values arrive as they were written: %s", async (name) => {
  const path = join(await temporary(), name)
  await writeGrey(path, 23, 17, scan(23, 17))
  const image = await readImage(path)
  expect([image.width, image.height, image.channels]).toEqual([23, 17, 1])
  expect(Buffer.from(image.data).equals(Buffer.from(scan(23, 17)))).toBe(true)
})

test("colour stays colour, equal channels become grey, alpha goes", async () => {
  const dir = await temporary()
  const rgb = Buffer.from([1, 2, 3, 200, 100, 50])
  await sharp(rgb, { raw: { width: 2, height: 1, channels: 3 } })
    .png()
    .toFile(join(dir, "rgb.png"))
  expect(await readImage(join(dir, "rgb.png"))).toMatchObject({ channels: 3, data: Uint8Array.from(rgb) })
  const same = Buffer.from([9, 9, 9, 255, 70, 70, 70, 0])
  await sharp(same, { raw: { width: 2, height: 1, channels: 4 } })
    .png()
    .toFile(join(dir, "rgba.png"))
  expect(await readImage(join(dir, "rgba.png"))).toMatchObject({ channels: 1, data: Uint8Array.from([9, 70]) })
})

test("16 bits are shown in 8 in images, and stay whole in masks", async () => {
  const path = join(await temporary(), "deep.png")
  const values = Uint16Array.from([0, 1, 256, 65535])
  await sharp(values, { raw: { width: 4, height: 1, channels: 1 } })
    .toColourspace("grey16")
    .png()
    .toFile(path)
  expect([...(await readImage(path)).data]).toEqual([0, 0, 1, 255])
  expect([...Array.from((await readLabels(path)).values)]).toEqual([0, 1, 256, 65535])
})

test.each([2, 4, 16, 200])("palette indices, not colours, of %d entries", async (entries) => {
  const dir = await temporary()
  const indices = Uint8Array.from({ length: 64 }, (_, i) => i % entries)
  // A palette in which colours repeat and do not ascend: only the indices can tell them apart.
  await writeFile(join(dir, "p.png"), palettePng(8, 8, indices, Math.ceil(Math.log2(entries))))
  const labels = await readLabels(join(dir, "p.png"))
  expect(labels.kind).toBe("palette")
  expect(Array.from(labels.values)).toEqual([...indices])
})

test("usgra-seg: class 1 is the nerve, and the indices are those of a plain decoder", async () => {
  const root = shared("usgra-seg")
  if (root === undefined) return
  for (const name of ["0000.png", "0010.png", "0140.png"]) {
    const path = join(root, "masks", name)
    const labels = await readLabels(path)
    expect(labels.kind).toBe("palette")
    expect(Array.from(labels.values)).toEqual(plainIndices(await readFile(path)))
    const result = foreground(labels, { class: 1 })
    expect(isRight(result) && area(result.right.mask)).toBeGreaterThan(0)
  }
})

test.each(["cut.png", "cut.jpg", "cut.tif"])("a file that is cut off: %s", async (name) => {
  const path = join(await temporary(), name)
  await writeGrey(path, 580, 420, scan(580, 420))
  const whole = await readFile(path)
  for (const part of [0, 0.01, 0.5, 0.98]) {
    await writeFile(path, whole.subarray(0, Math.floor(whole.length * part)))
    expect(await diagnosticsOf(() => readImage(path))).toMatchObject([{ code: "HS4201", file: path }])
  }
})

test.each(["tiled.tif", "predicted-tiles.tif", "planar.tif"])(
  "tiles or planes that are cut off are not black: %s",
  async (name) => {
    const path = join(await temporary(), name)
    const whole = await readFile(new URL(`./files/${name}`, import.meta.url))
    for (const part of [0.3, 0.5, 0.7, 0.9, 0.98]) {
      await writeFile(path, whole.subarray(0, Math.floor(whole.length * part)))
      expect(await diagnosticsOf(() => readImage(path))).toMatchObject([{ code: "HS4201", file: path }])
    }
  },
)

function chunk(type: string, data: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(type, "latin1"), data])
  const out = Buffer.alloc(body.length + 8)
  out.writeUInt32BE(data.length, 0)
  body.copy(out, 4)
  let crc = 0xffffffff
  for (const byte of body) {
    crc ^= byte
    for (let i = 0; i < 8; i++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1
  }
  out.writeUInt32BE(~crc >>> 0, out.length - 4)
  return out
}

/** A palette file packed by hand: sharp's own encoder would sort and drop colours. */
function palettePng(width: number, height: number, indices: Uint8Array, needed: number): Buffer {
  const depth = needed <= 1 ? 1 : needed <= 2 ? 2 : needed <= 4 ? 4 : 8
  const perByte = 8 / depth
  const rowBytes = Math.ceil(width / perByte)
  const raw = Buffer.alloc(height * (rowBytes + 1))
  indices.forEach((v, i) => {
    const [x, y] = [i % width, Math.floor(i / width)]
    raw[y * (rowBytes + 1) + 1 + Math.floor(x / perByte)]! |= v << (8 - depth * ((x % perByte) + 1))
  })
  const header = Buffer.alloc(13)
  header.writeUInt32BE(width, 0)
  header.writeUInt32BE(height, 4)
  header[8] = depth
  header[9] = 3
  const palette = Buffer.from(Array.from({ length: 3 * 2 ** depth }, (_, i) => (i * 85) % 254))
  return Buffer.concat([
    Buffer.from("89504e470d0a1a0a", "hex"),
    chunk("IHDR", header),
    chunk("PLTE", palette),
    chunk("IDAT", deflateSync(raw)),
    chunk("IEND", Buffer.alloc(0)),
  ])
}

/** The five filters of PNG, for files of 8 bits a pixel without interlacing. */
function plainIndices(bytes: Buffer): number[] {
  const parts: Buffer[] = []
  for (let at = 8; at < bytes.length; at += 12 + bytes.readUInt32BE(at))
    if (bytes.toString("latin1", at + 4, at + 8) === "IDAT")
      parts.push(bytes.subarray(at + 8, at + 8 + bytes.readUInt32BE(at)))
  const [width, height] = [bytes.readUInt32BE(16), bytes.readUInt32BE(20)]
  const raw = inflateSync(Buffer.concat(parts))
  const out: number[] = []
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      const filter = raw[y * (width + 1)]!
      const a = x > 0 ? out[y * width + x - 1]! : 0
      const b = y > 0 ? out[(y - 1) * width + x]! : 0
      const c = x > 0 && y > 0 ? out[(y - 1) * width + x - 1]! : 0
      const paeth = [a, b, c].reduce((best, v) => (Math.abs(a + b - c - v) < Math.abs(a + b - c - best) ? v : best))
      out.push((raw[y * (width + 1) + 1 + x]! + [0, a, b, (a + b) >> 1, paeth][filter]!) & 255)
    }
  return out
}
