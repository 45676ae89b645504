/** Packages read what `hasam data split` writes, and see the same images and masks. */
import { createHash } from "node:crypto"
import { mkdtemp, readFile, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import Ajv from "ajv/dist/2020.js"
import sharp from "sharp"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { pytorchPackage } from "../../../src/backends/pytorch/index.ts"
import { openData } from "../../../src/runtime/data/layouts/index.ts"
import { loadCase } from "../../../src/runtime/data/mask.ts"
import { parts, type Split } from "../../../src/runtime/data/split.ts"
import { saveSplit } from "../../../src/runtime/data/splitFile.ts"
import { planes } from "../../../src/runtime/task/pixels.ts"
import { write, writeGrey } from "../../data/helpers.ts"
import { PythonSession } from "../../python/index.ts"
import { unet } from "./models.ts"
import { pillow, writePackage } from "./tools.ts"

const grey = (seed: number) => Uint8Array.from({ length: 48 }, (_, i) => (i * seed * 7) % 251)
const half = (inside: number) => Uint8Array.from({ length: 48 }, (_, i) => (i % 8 < inside ? 255 : 0))

describe.skipIf(pillow === undefined)("a split with its cases", () => {
  let [root, folder] = ["", ""]
  const session = new PythonSession(pillow)
  afterAll(() => session.end())
  beforeAll(async () => {
    root = await mkdtemp(join(tmpdir(), "hasam-manifest-"))
    folder = join(root, "package")
    await writePackage(folder, pytorchPackage(unet.data))
  })
  const script = fileURLToPath(new URL("./manifest.py", import.meta.url))
  const theirs = async (data: string, split: string) => JSON.parse(await session.said([script, folder, data, split]))
  const sha = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex")
  /** Interleaved, as NumPy has it. */
  const interleaved = (image: Parameters<typeof planes>[0]) => {
    const { shape, data } = planes(image)
    const n = shape[1]! * shape[2]!
    return Uint8Array.from({ length: 3 * n }, (_, i) => data[(i % 3) * n + Math.floor(i / 3)]!)
  }

  const compare = async (data: string, ids: Pick<Split, "train" | "validation" | "test">) => {
    const opened = await openData(data)
    const file = join(root, "split.json")
    await saveSplit(file, { seed: 0, by: "case", ...ids }, opened)
    const json = JSON.parse(await readFile(file, "utf8"))
    const schema = JSON.parse(await readFile(new URL("../../../docs/schema/split-2.json", import.meta.url), "utf8"))
    const valid = new Ajv({ strict: false }).compile(schema)
    expect(valid(json), JSON.stringify(valid.errors)).toBe(true)
    const ours = []
    for (const part of parts)
      for (const id of ids[part]) {
        const { image, mask } = await loadCase(opened.cases.find((one) => one.id === id)!)
        ours.push({ id, part, image: sha(interleaved(image)), mask: sha(mask.data) })
      }
    expect(await theirs(data, file)).toEqual(ours)
    return json
  }

  it("of a csv: a.png and a.jpg are two, several masks are one, subjects and spacing are told", async () => {
    const data = join(root, "table")
    await writeGrey(join(data, "scans/a.png"), 8, 6, grey(3))
    await writeGrey(join(data, "scans/a.tif"), 8, 6, grey(5))
    for (const inside of [1, 3, 5]) await writeGrey(join(data, `masks/${inside}.png`), 8, 6, half(inside))
    const rows = ["first,scans/a.png,masks/1.png;masks/3.png,p1,0.5", "second,scans/a.tif,masks/5.png,p2,"]
    await write(join(data, "all.csv"), `id,image,mask,subject,spacing\n${rows.join("\n")}\n`)
    const ids = { train: ["second"], validation: [], test: ["first"] }
    const { cases } = await compare(join(data, "all.csv"), ids)
    expect(cases).toEqual([
      { id: "second", part: "train", image: "scans/a.tif", masks: ["masks/5.png"], subject: "p2" },
      {
        ...{ id: "first", part: "test", image: "scans/a.png", masks: ["masks/1.png", "masks/3.png"], subject: "p1" },
        spacing: { x: 0.5, y: 0.5 },
      },
    ])
  })

  it("of Kaggle's nerve data: run lengths travel with it", async () => {
    const data = join(root, "kaggle")
    for (const n of [1, 2]) await writeGrey(join(data, `train/${n}_1.tif`), 8, 6, grey(n))
    await write(join(data, "train_masks.csv"), "subject,img,pixels\n1,1,2 3 10 6\n2,1,\n")
    const { cases } = await compare(data, { train: ["1_1"], validation: ["2_1"], test: [] })
    expect(cases).toEqual([
      { id: "1_1", part: "train", image: "train/1_1.tif", runs: "2 3 10 6", subject: "1" },
      { id: "2_1", part: "validation", image: "train/2_1.tif", runs: "", subject: "2" },
    ])
  })

  it("what is no plain picture, or no plain mask, is refused and not guessed", async () => {
    const data = join(root, "odd")
    const file = join(root, "odd.json")
    const told = async (image: string, mask: string) => {
      await writeFile(
        file,
        JSON.stringify({ $schema: "hasam/split/2", cases: [{ id: "a", part: "test", image, masks: [mask] }] }),
      )
      return (await theirs(data, file)) as string
    }
    await writeGrey(join(data, "a.png"), 8, 6, grey(3))
    await writeGrey(join(data, "mask.png"), 8, 6, half(2))
    await writeGrey(
      join(data, "blurred.png"),
      8,
      6,
      Uint8Array.from({ length: 48 }, (_, i) => [0, 90, 255][i % 3]!),
    )
    await writeGrey(
      join(data, "classes.png"),
      8,
      6,
      Uint8Array.from({ length: 48 }, (_, i) => i % 3),
    )
    const deep = sharp(
      Uint16Array.from({ length: 48 }, (_, i) => i * 80),
      { raw: { width: 8, height: 6, channels: 1 } },
    )
    await deep.toColourspace("grey16").png().toFile(join(data, "deep.png"))
    await write(join(data, "text.png"), "no picture")
    expect(await told("deep.png", "mask.png")).toContain("deep.png: it is no picture of 8 bits; save it as a PNG file")
    expect(await told("text.png", "mask.png")).toContain("text.png: it cannot be read")
    expect(await told("a.png", "blurred.png")).toContain(
      "blurred.png: it holds 2 values beside 0, blurred or of classes",
    )
    expect(await told("a.png", "classes.png")).toContain("choose one with --class")
    expect(await told("a.png", "mask.png")).toMatchObject([{ id: "a" }])
  })

  it.each([
    [{ $schema: "hasam/split/1", train: ["a"] }, "this is not a split with its cases; write one: hasam data split"],
    [{ $schema: "hasam/split/2", cases: [{ id: "a" }] }, "this is not a case"],
    [{ $schema: "hasam/split/2", cases: [{ id: "a", part: "train", image: "gone.png", masks: ["m"] }] }, "no file"],
    [
      { $schema: "hasam/split/2", cases: [{ id: "a", part: "new", image: "a", masks: ["m"] }] },
      "a has no part, or no mask",
    ],
    [
      { $schema: "hasam/split/2", cases: [{ id: "1_1", part: "test", image: "kaggle/train/1_1.tif", runs: "40 90" }] },
      "the run 40 90 leaves the image",
    ],
  ])("what is wrong with one is said: %j", async (content, message) => {
    const file = join(root, "wrong.json")
    await writeFile(file, JSON.stringify(content))
    expect(await theirs(root, file)).toContain(message)
  })
})
