/** Tensors that stay in their file: the same values each time, and none of another file. */
import { mkdtempSync, utimesSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { expect, test } from "vitest"
import { load } from "../../src/runtime/weights/load.ts"
import { leftOnDisk, onDisk } from "../../src/runtime/weights/onDisk.ts"
import { save } from "../../src/runtime/weights/save.ts"

const file = join(mkdtempSync(join(tmpdir(), "hasam-disk-")), "a.safetensors")
const tensor = (...values: number[]) => ({ shape: [values.length], data: Float32Array.from(values) })
const expected = (["a", "b"] as const).map((name) => ({
  name,
  shape: [2],
  kind: "parameter" as const,
  persistent: true,
  init: { fill: 0 },
}))

test("values are read when they are asked for, not held, and not from a file that was written to since", async () => {
  await save(file, { a: tensor(1, 2), b: tensor(3, 4) })
  const { tensors } = await load(expected, file, { unheld: leftOnDisk(new Set(["b"])) })
  expect([tensors["a"]!.data, tensors["b"]!.data]).toEqual([Float32Array.of(1, 2), Float32Array.of(3, 4)])
  expect(tensors["a"]!.data).toBe(tensors["a"]!.data)
  expect(tensors["b"]!.data).not.toBe(tensors["b"]!.data)
  utimesSync(file, 1, 1)
  expect(() => tensors["b"]!.data).toThrow(/HS4002: the file cannot be read again: it was written to/)
})

test("a file that became shorter, or is gone, is an error of its own; other kinds of numbers are held", () => {
  const stored = { name: "a", dtype: "F32", shape: [4], at: 0, bytes: 16 } as const
  writeFileSync(file, new Uint8Array(8))
  expect(() => onDisk(file, stored)!.data).toThrow(/HS4002: .*it ends earlier/)
  expect(() => onDisk(`${file}.gone`, stored)!.data).toThrow(/HS4002/)
  expect(onDisk(file, { ...stored, dtype: "F16" })).toBeUndefined()
})
