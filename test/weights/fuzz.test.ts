import { mkdtempSync, readFileSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { isLeft } from "fp-ts/lib/Either.js"
import { expect, test } from "vitest"
import { Failed } from "../../src/compiler/diagnostic.ts"
import { withCheckpoint } from "../../src/runtime/weights/index.ts"
import { unpickle } from "../../src/runtime/weights/pickle.ts"
import { parseHeader } from "../../src/runtime/weights/safetensors.ts"
import { stateDictOf, torchMachine } from "../../src/runtime/weights/torch.ts"
import { here } from "./tools.ts"

/** A reproducible stream of whole numbers below n. */
const dice = (seed: number) => {
  let state = seed
  return (n: number): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return Math.floor((state / 2 ** 32) * n)
  }
}
type Dice = ReturnType<typeof dice>

/** One to four edits: bytes changed, removed, repeated, or words of the format put in. */
const mutate = (bytes: Uint8Array, words: readonly string[], roll: Dice): Uint8Array => {
  let out = Buffer.from(bytes)
  for (let edits = 1 + roll(4); edits > 0; edits--) {
    const at = roll(out.length)
    const length = 1 + roll(8)
    const word = Buffer.from(words[roll(words.length)]!, "latin1")
    const kind = roll(6)
    if (kind === 0) out[at] = roll(256)
    else if (kind === 1) out[at] = out[at]! ^ (1 << roll(8))
    else if (kind === 2) out = Buffer.concat([out.subarray(0, at), out.subarray(at + length)])
    else if (kind === 3) out = Buffer.concat([out.subarray(0, at + length), out.subarray(at)])
    else if (kind === 4) out = Buffer.concat([out.subarray(0, at), word, out.subarray(at)])
    else out = Buffer.concat([out.subarray(0, at), word, out.subarray(at + word.length)])
    if (out.length === 0) out = Buffer.from(bytes)
  }
  return out
}

/** Runs `times` mutants; how often each answer came. Memory may not grow by more than 600 MB on the way. */
const tally = (
  times: number,
  mutant: () => Uint8Array,
  read: (bytes: Uint8Array) => string,
): ReadonlyMap<string, number> => {
  const answers = new Map<string, number>()
  const before = process.memoryUsage().rss
  for (let i = 0; i < times; i++) {
    const answer = read(mutant())
    answers.set(answer, (answers.get(answer) ?? 0) + 1)
  }
  expect((process.memoryUsage().rss - before) / 2 ** 20).toBeLessThan(600)
  return answers
}

test("100,000 mutated safetensors headers: diagnostics, or tensors that lie in the file", () => {
  const words = [
    "-1",
    "0",
    "1e12",
    "4294967296",
    "9007199254740993",
    "1e400",
    "0.5",
    "null",
    "[]",
    "{}",
    "[[",
    '""',
    '"F32"',
    '"BOOL"',
    '"F8_E5M2"',
    '"__metadata__":',
    ",",
    ":",
    "\\u0000",
    "\xff",
  ]
  const shapes = [[4, 6], [6], [2, 3, 1, 1], [0, 5], []]
  let end = 0
  const header = Object.fromEntries(
    shapes.map((shape, i) => {
      const begin = end
      end += 4 * shape.reduce((n, extent) => n * extent, 1)
      return [`image_encoder.blocks.${i}.weight`, { dtype: "F32", shape, data_offsets: [begin, end] }]
    }),
  )
  const honest = new TextEncoder().encode(JSON.stringify({ __metadata__: { format: "pt" }, ...header }))
  const roll = dice(7)
  const answers = tally(
    100_000,
    () => mutate(honest, words, roll),
    (bytes) => {
      const size = 8 + bytes.length + end
      const parsed = parseHeader("x", bytes, size)
      if (isLeft(parsed)) return parsed.left[0].code
      let covered = 8 + bytes.length
      for (const { at, bytes: length, shape } of [...parsed.right.tensors].sort(
        (a, b) => a.at - b.at || a.bytes - b.bytes,
      )) {
        expect(at).toBe(covered)
        expect(shape.every((n) => Number.isSafeInteger(n) && n >= 0)).toBe(true)
        covered += length
      }
      expect(covered).toBe(size)
      return "fine"
    },
  )
  // The mutants are neither all broken at once nor all harmless.
  for (const answer of ["HS3002", "HS3003", "HS3004", "fine"]) expect(answers.get(answer), answer).toBeGreaterThan(100)
  expect([...answers.keys()].sort()).toEqual(["HS3002", "HS3003", "HS3004", "fine"])
})

/** data.pkl of a file of real PyTorch: stored, so it lies in the archive as it is. */
const pickleIn = (name: string): Uint8Array => {
  const bytes = readFileSync(here(name))
  const start = bytes.indexOf(Buffer.from([0x80, 2]))
  return bytes.subarray(start, unpickle(torchMachine(name), bytes, start).end)
}
const answer = (error: unknown): string => {
  if (error instanceof Failed) return error.diagnostics[0].code
  throw error
}

test("50,000 mutated pickles: diagnostics, or tensors inside their storages", () => {
  const words = [
    "cos\nsystem\n",
    "R",
    "b",
    "o",
    "ios\nsystem\n",
    "\x81",
    "\x93",
    "\x82\x01",
    "\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x7f",
    "X\xff\xff\xff\xff",
    "\x8b\xff\xff\xff\x7f",
    "h\0",
    "q\0",
    "(",
    "t",
    "0",
    "2",
    "]",
    "}",
    "u",
    ".",
    "J\xff\xff\xff\xff",
  ]
  const roll = dice(11)
  for (const [name, times] of [
    ["zip-torch1.pth", 30_000],
    ["nested-torch2.pth", 20_000],
  ] as const) {
    const honest = pickleIn(name)
    const answers = tally(
      times,
      () => mutate(honest, words, roll),
      (bytes) => {
        try {
          const { tensors } = stateDictOf("x", unpickle(torchMachine("x"), bytes).value)
          for (const [, { shape, offset, strides, storage }] of tensors) {
            const last = shape.reduce((sum, n, axis) => sum + (n - 1) * strides[axis]!, offset)
            expect(shape.includes(0) || (last >= 0 && last < storage.count)).toBe(true)
          }
          return "fine"
        } catch (error) {
          return answer(error)
        }
      },
    )
    for (const code of ["HS3002", "HS3003", "HS3005", "fine"])
      expect(answers.get(code), `${name} ${code}`).toBeGreaterThan(20)
    for (const code of answers.keys()) expect(code).toMatch(/^HS300[2-7]$|^fine$/)
  }
})

test("2,000 mutated archives and old files: diagnostics, or tensors that can be read", async () => {
  const path = join(mkdtempSync(join(tmpdir(), "hasam-fuzz-")), "x.pth")
  const words = [
    "PK\x01\x02",
    "PK\x03\x04",
    "PK\x05\x06",
    "PK\x06\x06",
    "\xff\xff\xff\xff",
    "\0\0\0\0",
    "\x08\0",
    "data.pkl",
  ]
  const roll = dice(13)
  const answers = new Map<string, number>()
  for (let i = 0; i < 2000; i++) {
    const name = ["zip-torch1.pth", "nested-torch2.pth", "legacy-torch1.pth"][i % 3]!
    writeFileSync(path, mutate(readFileSync(here(name)), words, roll))
    const code = await withCheckpoint(path, async ({ tensors, read }) => {
      for (const tensor of tensors) await read(tensor)
      return "fine"
    }).catch(answer)
    answers.set(code, (answers.get(code) ?? 0) + 1)
  }
  for (const code of answers.keys()) expect(code).toMatch(/^HS300[1-7]$|^fine$/)
  for (const code of ["HS3002", "HS3005", "fine"]) expect(answers.get(code), code).toBeGreaterThan(20)
})
