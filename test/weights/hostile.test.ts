import { existsSync } from "node:fs"
import { open, readFile, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { deflateRawSync } from "node:zlib"
import { describe, expect, test } from "vitest"
import { Failed } from "../../src/compiler/diagnostic.ts"
import { inspect, save } from "../../src/runtime/weights/index.ts"
import { unpickle } from "../../src/runtime/weights/pickle.ts"
import { renderInspection } from "../../src/runtime/weights/render.ts"
import { stateDictOf, torchMachine } from "../../src/runtime/weights/torch.ts"
import { membersOf } from "../../src/runtime/weights/zipRead.ts"
import { archive, type Entry, torchPickle } from "./archives.ts"
import { codesOf, folder, here, noise, pickle, problems, readAll, safetensors, temporary } from "./tools.ts"

const f32 = (shape: unknown, data_offsets: unknown) => ({ dtype: "F32", shape, data_offsets })
const four = new Uint8Array(4)

describe("safetensors that lie", () => {
  test.each<readonly [string, unknown, Uint8Array, string]>([
    ["offsets outside the file", { a: f32([2], [0, 8]) }, four, "HS3003"],
    ["offsets far outside", { a: f32([1], [2 ** 52, 2 ** 52 + 4]) }, four, "HS3003"],
    ["offsets backwards", { a: f32([1], [4, 0]) }, four, "HS3003"],
    ["negative offsets", { a: f32([1], [-4, 0]) }, four, "HS3003"],
    ["broken offsets", { a: f32([1], [0.5, 4.5]) }, four, "HS3003"],
    ["overlap", { a: f32([1], [0, 4]), b: f32([1], [0, 4]) }, four, "HS3003"],
    ["a hole", { a: f32([1], [0, 4]), b: f32([1], [8, 12]) }, new Uint8Array(12), "HS3003"],
    ["bytes behind", { a: f32([1], [0, 4]) }, new Uint8Array(5), "HS3003"],
    ["10¹² elements", { a: f32([1e6, 1e6], [0, 4]) }, four, "HS3003"],
    ["10¹² elements over nothing", { a: f32([1e12, 0.0000001], [0, 4]) }, four, "HS3003"],
    ["a product beyond 2⁵³", { a: f32([2 ** 40, 2 ** 40], [0, 4]) }, four, "HS3003"],
    ["negative sizes", { a: f32([-1], [0, 4]) }, four, "HS3003"],
    ["two negative sizes", { a: f32([-1, -1], [0, 4]) }, four, "HS3003"],
    ["a thousand axes", { a: f32(Array(1000).fill(1), [0, 4]) }, four, "HS3003"],
    ["a shape that is not the bytes'", { a: f32([2], [0, 4]) }, four, "HS3003"],
    ["an unknown dtype", { a: { dtype: "F8_E4M3", shape: [4], data_offsets: [0, 4] } }, four, "HS3004"],
    ["a dtype from the prototype", { a: { dtype: "constructor", shape: [4], data_offsets: [0, 4] } }, four, "HS3004"],
    ["an entry that is none", { a: 7 }, four, "HS3002"],
    ["a shape that is a text", { a: f32("4", [0, 4]) }, four, "HS3002"],
    ["metadata that is no table of texts", { __metadata__: { a: 1 }, a: f32([1], [0, 4]) }, four, "HS3002"],
    ["no JSON", "{]", four, "HS3002"],
    ["nesting", `{"a":${"[".repeat(200_000)}${"]".repeat(200_000)}}`, four, "HS3002"],
    ["an array", "[1,2]", four, "HS3001"],
  ])("%s", async (_, header, data, code) => {
    expect(await codesOf(inspect(await temporary("x.bin", safetensors(header, data))))).toEqual([code])
  })

  test("a header longer than the file, or absurd", async () => {
    for (const length of [2n ** 63n, 2n ** 40n, 1000n, 0n])
      expect(await codesOf(inspect(await temporary("x.safetensors", safetensors("{}", four, length))))).toEqual([
        "HS3002",
      ])
  })
  test("all that is wrong at once, and not a million times", async () => {
    const many = Object.fromEntries(Array.from({ length: 1000 }, (_, i) => [`t${i}`, f32([-1], [0, 4])]))
    expect(await codesOf(inspect(await temporary("x.bin", safetensors(many, four))))).toHaveLength(20)
  })
  test("names are data", async () => {
    const path = await temporary(
      "x.bin",
      safetensors('{"__proto__":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}', four),
    )
    expect(Object.keys(await readAll(path))).toEqual(["__proto__"])
    const [first] = await problems(
      inspect(await temporary("x.bin", safetensors({ "\x1b[2J": f32([-1], [0, 4]) }, four))),
    )
    expect(first!.message).not.toContain("\x1b")
  })
})

/** What reading a pickle throws. */
const refusal = (...parts: readonly string[]) => {
  try {
    const { value } = unpickle(torchMachine("x.pth"), pickle(...parts))
    stateDictOf("x.pth", value)
  } catch (error) {
    if (error instanceof Failed) return error.diagnostics[0]
    throw error
  }
  throw new Error("it was accepted")
}

describe("pickles that ask for more than tensors: named, and nothing executed", () => {
  const marker = join("/tmp", `hasam-executed-${process.pid}`)
  const touch = `touch ${marker}`
  const command = `X${String.fromCharCode(touch.length, 0, 0, 0)}${touch}`
  test.each<readonly [string, readonly string[], RegExp]>([
    ["GLOBAL and REDUCE", ["\x80\x02", "cos\nsystem\n", command, "\x85R."], /'os\.system'/],
    ["its real name", ["\x80\x02", "cposix\nsystem\n", command, "\x85R."], /'posix\.system'/],
    ["Python 2's builtins", ["\x80\x02", "c__builtin__\neval\n", command, "\x85R."], /'builtins\.eval'/],
    [
      "STACK_GLOBAL",
      ["\x80\x04\x95\x10\0\0\0\0\0\0\0", "\x8c\x02os\x8c\x06system\x93", command, "\x85R."],
      /'os\.system'/,
    ],
    ["INST", ["\x80\x02(", command, "ios\nsystem\n."], /instance of 'os\.system'/],
    ["OBJ", ["\x80\x02(", "ccollections\nOrderedDict\n", command, "o."], /instance/],
    ["NEWOBJ", ["\x80\x02", "csubprocess\nPopen\n", command, "\x85\x81."], /'subprocess\.Popen'/],
    ["NEWOBJ_EX", ["\x80\x04", "csubprocess\nPopen\n", command, "\x85}\x92."], /'subprocess\.Popen'/],
    ["EXT1", ["\x80\x02\x82\x01."], /extension registry/],
    ["EXT4", ["\x80\x02\x84\x01\0\0\0."], /extension registry/],
    ["a call of an allowed class", ["\x80\x02", "ctorch\nFloatStorage\n", ")R."], /calls 'torch\.FloatStorage'/],
    ["a call of a text", ["\x80\x02", command, ")R."], /calls a value/],
    [
      "attributes of a tensor's storage",
      ["\x80\x02", "(X\x07\0\0\0storagectorch\nFloatStorage\nX\x01\0\0\x000X\x03\0\0\0cpuK\x01tQ", "}b."],
      /attributes/,
    ],
    [
      "dotted names",
      ["\x80\x04", "\x8c\x0bcollections\x8c\x14OrderedDict.__init__\x93."],
      /'collections\.OrderedDict\.__init__'/,
    ],
    ["a whole module", ["\x80\x02", "ctorch.nn.modules.linear\nLinear\n)\x81."], /torch\.nn\.modules\.linear\.Linear/],
    ["control characters", ["\x80\x02", "cos\x1b[31m\nsystem\n)R."], /os�\[31m/],
    [
      "a rebuilt type",
      ["\x80\x02", "ctorch._tensor\n_rebuild_from_type_v2\n(ccollections\nOrderedDict\nNK\x01tR."],
      /unknown type/,
    ],
  ])("%s", (_, parts, message) => {
    const refused = refusal(...parts)
    expect(refused!.code).toBe("HS3005")
    expect(refused!.message).toMatch(message)
    expect(refused!.message).toMatch(/nothing was executed$/)
    expect(existsSync(marker)).toBe(false)
  })
})

describe("pickles that are broken or bombs", () => {
  test.each<readonly [string, readonly string[], string]>([
    ["nothing", [""], "HS3002"],
    ["protocol 0's text", ["(lp0\n."], "HS3002"],
    ["protocol 9", ["\x80\x09N."], "HS3002"],
    ["an empty stack", ["\x80\x02."], "HS3002"],
    ["no mark", ["\x80\x02t."], "HS3002"],
    ["a recall of nothing", ["\x80\x02h\x05."], "HS3002"],
    ["BINUNICODE of 4 GiB", ["\x80\x02X\xff\xff\xff\xffab."], "HS3002"],
    ["BINUNICODE8 of 2⁶⁴", ["\x80\x04\x8d\xff\xff\xff\xff\xff\xff\xff\xff."], "HS3002"],
    ["BINBYTES8 of 2⁶³", ["\x80\x04\x8e\0\0\0\0\0\0\0\x80."], "HS3002"],
    ["LONG4 of 2 GiB", ["\x80\x02\x8b\xff\xff\xff\x7f\x01."], "HS3002"],
    ["LONG4 of a negative length", ["\x80\x02\x8b\xff\xff\xff\xff\x01."], "HS3002"],
    ["an endless line", ["\x80\x02c", "a".repeat(5000)], "HS3002"],
    ["a list within itself", ["\x80\x02]q\0h\0a."], "HS3007"],
    ["a dict within itself", ["\x80\x02}q\0X\x05\0\0\0modelh\0s."], "HS3007"],
    ["a memo bomb: 2⁵⁰⁰ items if copied", ["\x80\x02]q\0", "h\0h\0\x86q\0".repeat(500), "."], "HS3007"],
    ["half a million marks", ["\x80\x02", "(".repeat(5e5), "N."], "HS3007"],
    ["an odd number of items", ["\x80\x02}(K\x01u."], "HS3002"],
    ["two million marks", ["\x80\x02", "(".repeat(2e6), "N."], "HS3006"],
    ["two million dicts", ["\x80\x02", "}".repeat(2e6), "."], "HS3006"],
    [
      "a long list, copied again and again",
      [
        "\x80\x02](",
        "K\x01".repeat(1e5),
        "eq\0",
        "ccollections\nOrderedDict\nq\x010",
        "h\x01h\0\x85R0".repeat(1e5),
        "N.",
      ],
      "HS3006",
    ],
    ["items of a number", ["\x80\x02K\x01K\x02K\x03s."], "HS3002"],
    ["one tensor", [torchPickle({ shape: [1], strides: [1] }).slice(0, -1), "."], "HS3007"],
  ])("%s", (_, parts, code) => {
    expect(refusal(...parts)!.code).toBe(code)
  })

  test.each<readonly [string, Parameters<typeof torchPickle>[0], string]>([
    ["10¹² elements", { shape: [1_000_000, 1_000_000], strides: [1_000_000, 1] }, "HS3003"],
    ["an expanded tensor: strides of zero over one number", { shape: [30_000, 30_000], strides: [0, 0] }, "HS3003"],
    ["a negative size", { shape: [-1], strides: [1] }, "HS3003"],
    ["a negative stride", { shape: [2], strides: [-1], count: 2 }, "HS3003"],
    ["a negative offset", { shape: [1], strides: [1], offset: -1 }, "HS3003"],
    ["an offset behind the storage", { shape: [1], strides: [1], offset: 1 }, "HS3003"],
    ["strides beyond the storage", { shape: [2, 2], strides: [3, 1], count: 4 }, "HS3003"],
    ["fewer strides than axes", { shape: [1, 1], strides: [1] }, "HS3003"],
    ["a storage of another class", { shape: [1], strides: [1], storage: "ComplexFloatStorage" }, "HS3004"],
  ])("%s", (_, tensor, code) => {
    expect(refusal(torchPickle(tensor))!.code).toBe(code)
  })
})

describe("archives that lie", () => {
  const good = torchPickle({ shape: [2], strides: [1], count: 2, name: "w" })
  const members: readonly Entry[] = [
    { name: "a/data.pkl", data: pickle(good) },
    { name: "a/data/0", data: new Uint8Array(Float32Array.of(1, 2).buffer) },
  ]
  const file = (list: readonly Entry[], end?: Parameters<typeof archive>[1]) => temporary("x.pth", archive(list, end))
  const [first, second] = members as readonly [Entry, Entry]

  test("an honest one, stored and deflated", async () => {
    expect([...(await readAll(await file(members))).w!.data]).toEqual([1, 2])
    const packed = members.map((member) => ({ ...member, method: 8, stored: deflateRawSync(member.data) }))
    expect([...(await readAll(await file(packed))).w!.data]).toEqual([1, 2])
  })
  test.each<readonly [string, readonly Entry[], string]>([
    [
      "a zip bomb",
      [first, { ...second, data: new Uint8Array(2 ** 24), method: 8, stored: deflateRawSync(new Uint8Array(2 ** 24)) }],
      "HS3006",
    ],
    [
      "a claim of 3 GiB",
      [first, { ...second, method: 8, stored: deflateRawSync(second.data), claims: 3 * 2 ** 30 }],
      "HS3006",
    ],
    [
      "a storage that unpacks to more",
      [first, { ...second, method: 8, stored: deflateRawSync(new Uint8Array(1000)), claims: 8 }],
      "HS3002",
    ],
    [
      "a storage that unpacks to less",
      [first, { ...second, method: 8, stored: deflateRawSync(new Uint8Array(4)), claims: 8 }],
      "HS3002",
    ],
    [
      "a storage that does not unpack",
      [first, { ...second, method: 8, stored: Uint8Array.of(255, 255, 255) }],
      "HS3002",
    ],
    ["a storage shorter than the pickle says", [first, { ...second, data: new Uint8Array(4) }], "HS3003"],
    ["a storage longer than the pickle says", [first, { ...second, data: new Uint8Array(40) }], "HS3003"],
    ["a storage that is not there", [first], "HS3002"],
    ["an unknown packing", [first, { ...second, method: 12 }], "HS3006"],
    ["encryption", [first, { ...second, flags: 1 }], "HS3002"],
    ["members over one another", [first, { ...second, at: 0 }], "HS3006"],
    ["a member twice", [first, second, second], "HS3006"],
    ["no pickle", [second], "HS3001"],
    ["a TorchScript program", [...members, { name: "a/code/x.py", data: four }], "HS3007"],
    ["a path out of the archive", [...members, { name: "../../etc/passwd", data: four }], "HS3002"],
    ["big-endian numbers", [...members, { name: "a/byteorder", data: pickle("big") }], "HS3004"],
  ])("%s", async (_, list, code) => {
    expect(await codesOf(file(list).then(readAll))).toEqual([code])
  })
  test("zip64 that claims 2⁴⁰ members, or a directory far outside", async () => {
    expect(await codesOf(file(members, { zip64: { count: 2 ** 40 } }).then(inspect))).toEqual(["HS3006"])
    for (const directory of [2 ** 50, 2 ** 60, 2 ** 63])
      expect(await codesOf(file(members, { zip64: { directory } }).then(inspect))).toEqual(["HS3002"])
  })
})

describe("cut off anywhere: a diagnostic, never a crash", () => {
  test.each(["zip-torch1.pth", "zip-torch2-protocol4.pth", "legacy-torch1.pth", "nested-torch2.pth"])(
    "%s",
    async (name) => {
      const bytes = await readFile(here(name))
      const path = join(await folder(), "x.pth")
      for (let length = 0; length < bytes.length; length += length < 64 ? 1 : 13) {
        await writeFile(path, bytes.subarray(0, length))
        const codes = await codesOf(readAll(path))
        expect(
          codes.every((code) => /^HS300[1237]$/.test(code)),
          `${length}: ${codes}`,
        ).toBe(true)
      }
    },
  )
  test("safetensors", async () => {
    const path = join(await folder(), "x.safetensors")
    await save(path, { a: noise([3, 4]), b: noise([7]) })
    const bytes = await readFile(path)
    for (let length = 0; length < bytes.length; length++) {
      await writeFile(path, bytes.subarray(0, length))
      expect(["HS3002", "HS3003"], `${length}`).toContain((await codesOf(readAll(path)))[0])
    }
  })
})

test("other files that people give by mistake", async () => {
  const given = async (bytes: Uint8Array | string) => (await problems(inspect(await temporary("x.pth", bytes))))[0]!
  expect(await given("")).toMatchObject({ code: "HS3001", message: expect.stringMatching(/empty/) })
  expect((await given("version https://git-lfs.github.com/spec/v1\noid sha256:0\n")).message).toMatch(/Git LFS/)
  expect((await given("<!DOCTYPE html><html></html>")).message).toMatch(/web page/)
  expect((await given(pickle("\x89HDF\r\n\x1a\n", "0".repeat(50)))).message).toMatch(/HDF5/)
  expect((await given(pickle("\x80\x04N.", "0".repeat(50)))).message).toMatch(/pickle of something else/)
  expect(await codesOf(inspect(await folder()))).toEqual(["HS4002"])
  expect(await codesOf(inspect(join(await folder(), "none.pth")))).toEqual(["HS4002"])
})

describe("tables of contents as long as they may be", () => {
  test("a header of 250,000 tensors is read, and shown with every name", async () => {
    const header = Object.fromEntries(
      Array.from({ length: 250_000 }, (_, i) => [
        i.toString(36),
        { dtype: "U8", shape: [1], data_offsets: [i, i + 1] },
      ]),
    )
    const path = await temporary("many.safetensors", safetensors(header, new Uint8Array(250_000)))
    const found = await inspect(path)
    expect([found.tensors.length, found.count, found.bytes]).toEqual([250_000, 250_000, 250_000])
    const text = renderInspection(found)
    expect(text.endsWith("250,000 tensors, 250,000 (250.00 k values, 244.14 KiB U8)")).toBe(true)
    expect(text.split("\n").length).toBeGreaterThan(250_000)
  })
  test("an archive of 70,000 members: each at its place, across the pages that are read", async () => {
    const entries = Array.from({ length: 70_000 }, (_, i) => ({
      name: `a/data/${i}`,
      data: Buffer.from(i.toString(36)),
    }))
    const bytes = archive(entries, { zip64: {} })
    const file = await open(await temporary("many.pth", bytes))
    try {
      const members = await membersOf(file, "many.pth", bytes.length)
      expect(members.size).toBe(70_000)
      const told = entries.filter(({ name, data }) => {
        const { at, bytes: length } = members.get(name)!
        return Buffer.compare(Buffer.from(bytes.subarray(at, at + length)), data) !== 0
      })
      expect(told).toEqual([])
    } finally {
      await file.close()
    }
  })
})
