/** A DICOM Segmentation as any reader finds it: read back with dicom-parser, element by element. */
import { readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import dicomParser from "dicom-parser"
import { expect, test } from "vitest"
import type { Mask } from "../../src/runtime/data/raster.ts"
import { dicomSegBytes, sourceOf } from "../../src/runtime/segment/dicomSeg.ts"

const placed = fileURLToPath(new URL("../data/files/placed.dcm", import.meta.url))
const mask = (inside: (x: number, y: number) => boolean): Mask => ({
  width: 13,
  height: 9,
  data: Uint8Array.from({ length: 117 }, (_, i) => Number(inside(i % 13, Math.floor(i / 13)))),
})
const answer = { probabilities: new Float32Array(117), planes: 1, numbers: {} }
// 117 pixels are no whole bytes: the second frame begins within one.
const masks = [mask((x, y) => x > 3 && y < 5), mask((x, y) => (x + y) % 3 === 0)]
const found = { labels: masks[0]!, found: masks.map((mask, k) => ({ label: k + 1, mask, answer })) }

test("masks lie bit by bit, in the frame of reference of their image", async () => {
  const bytes = await dicomSegBytes(await sourceOf(placed), found, { prompted: true, classNames: undefined })
  const image = dicomParser.parseDicom(readFileSync(placed))
  const data = dicomParser.parseDicom(bytes)
  const first = (sequence: string, of = data) => of.elements[sequence]!.items![0]!.dataSet!
  expect(data.string("x00080016")).toBe("1.2.840.10008.5.1.4.1.1.66.4")
  for (const same of ["x0020000d", "x00200052", "x00100020"]) expect(data.string(same)).toBe(image.string(same))
  expect(data.string("x00080005")).toBe("ISO_IR 192")
  const name = data.elements["x00100010"]!
  expect(bytes.toString("utf8", name.dataOffset, name.dataOffset + name.length).trim()).toBe("Müller^Ada")
  expect([data.uint16("x00280010"), data.uint16("x00280011"), data.uint16("x00280100")]).toEqual([9, 13, 1])
  const shared = first("x52009229")
  expect(first("x00289110", shared).string("x00280030")).toBe("0.3\\0.2")
  expect(first("x00209113", shared).string("x00200032")).toBe("10.5\\-20\\30")
  expect(first("x00209116", shared).string("x00200037")).toBe("1\\0\\0\\0\\0\\-1")
  const reference = first("x0008114a", first("x00081115"))
  expect(reference.string("x00081155")).toBe(image.string("x00080018"))
  expect(data.elements["x00620002"]!.items!.map(({ dataSet }) => dataSet!.string("x00620005"))).toEqual([
    "object 1",
    "object 2",
  ])
  const { dataOffset, length } = data.elements["x7fe00010"]!
  const bits = bytes.subarray(dataOffset, dataOffset + length)
  const at = (i: number) => (bits[i >> 3]! >> (i & 7)) & 1
  masks.forEach(({ data }, k) => expect([...data]).toEqual(Array.from(data, (_, i) => at(117 * k + i))))
})

test("the same masks of the same image are the same instance, others are another", async () => {
  const source = await sourceOf(placed)
  const uid = async (masks: typeof found) =>
    dicomParser
      .parseDicom(await dicomSegBytes(source, masks, { prompted: true, classNames: undefined }))
      .string("x00080018")
  const [a, again, b] = [await uid(found), await uid(found), await uid({ ...found, found: found.found.slice(1) })]
  expect([a === again, a === b]).toEqual([true, false])
  expect(a).toMatch(/^2\.25\.\d{1,39}$/)
})
