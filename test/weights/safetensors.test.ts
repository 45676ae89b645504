import { existsSync } from "node:fs"
import { readFile } from "node:fs/promises"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import fc from "fast-check"
import { expect, test } from "vitest"
import type { Tensors } from "../../src/compiler/ir/graph.ts"
import { inspect, save, withCheckpoint } from "../../src/runtime/weights/index.ts"
import { folder, noise, readAll, safetensors, temporary } from "./tools.ts"

const some: Tensors = {
  "b.weight": noise([3, 4]),
  a: noise([]),
  "0": noise([5]),
  empty: noise([0, 7]),
  __proto: noise([1]),
}

test("what is written is read", async () => {
  const path = join(await folder(), "x.safetensors")
  await save(path, some, { z: "1", a: "ü" })
  expect(await readAll(path)).toEqual(some)
  expect((await inspect(path)).metadata).toEqual({ a: "ü", z: "1" })
})

test("any tensors come back", async () => {
  const path = join(await folder(), "x.safetensors")
  const tensor = fc
    .array(fc.integer({ min: 0, max: 5 }), { maxLength: 4 })
    .map((shape) => noise(shape, shape.length + 3))
  await fc.assert(
    fc.asyncProperty(
      fc.dictionary(
        fc.string({ unit: "binary", minLength: 1 }).filter((s) => s !== "__metadata__" && s.isWellFormed()),
        tensor,
        { maxKeys: 8 },
      ),
      async (tensors) => {
        await save(path, tensors)
        expect({ ...(await readAll(path)) }).toEqual({ ...tensors })
      },
    ),
    { numRuns: 40 },
  )
})

test("the bytes do not depend on the order", async () => {
  const dir = await folder()
  await save(join(dir, "1.safetensors"), some, { x: "1", y: "2" })
  await save(join(dir, "2.safetensors"), Object.fromEntries(Object.entries(some).reverse()), { y: "2", x: "1" })
  const bytes = await readFile(join(dir, "1.safetensors"))
  expect(bytes.equals(await readFile(join(dir, "2.safetensors")))).toBe(true)
  expect(bytes.readBigUInt64LE() % 8n).toBe(0n) // tensors are aligned
})

test("memory can be shared with workers", async () => {
  const path = join(await folder(), "x.safetensors")
  await save(path, some)
  await withCheckpoint(path, async ({ tensors, read }) => {
    for (const tensor of tensors) {
      const { data } = await read(tensor, true)
      expect(data.buffer).toBeInstanceOf(SharedArrayBuffer)
      expect([...data]).toEqual([...some[tensor.name]!.data])
    }
  })
})

test("every dtype becomes float32", async () => {
  const cases: readonly (readonly [string, Uint8Array, readonly number[]])[] = [
    ["F64", new Uint8Array(Float64Array.of(1 / 3, 1e300).buffer), [Math.fround(1 / 3), Infinity]],
    ["F32", new Uint8Array(Float32Array.of(0.1).buffer), [Math.fround(0.1)]],
    [
      "F16",
      new Uint8Array(Uint16Array.of(0x3c00, 0xc100, 0x0001, 0x8001, 0x7bff, 0x7c00, 0xfc00, 0x0400).buffer),
      [1, -2.5, 2 ** -24, -(2 ** -24), 65504, Infinity, -Infinity, 2 ** -14],
    ],
    ["BF16", new Uint8Array(Uint16Array.of(0x3f80, 0xc040, 0x0001).buffer), [1, -3, 2 ** -133]],
    ["I64", new Uint8Array(BigInt64Array.of(-5n, 2n ** 40n).buffer), [-5, 2 ** 40]],
    ["I32", new Uint8Array(Int32Array.of(-7).buffer), [-7]],
    ["I16", new Uint8Array(Int16Array.of(-300).buffer), [-300]],
    ["I8", new Uint8Array(Int8Array.of(-128).buffer), [-128]],
    ["U8", Uint8Array.of(255), [255]],
    ["BOOL", Uint8Array.of(1, 0), [1, 0]],
  ]
  for (const [dtype, data, values] of cases) {
    const path = await temporary(
      "x.safetensors",
      safetensors({ x: { dtype, shape: [values.length], data_offsets: [0, data.length] } }, data),
    )
    expect([...(await readAll(path)).x!.data], dtype).toEqual(values)
  }
  const nan = await temporary(
    "x.safetensors",
    safetensors({ x: { dtype: "F16", shape: [1], data_offsets: [0, 2] } }, Uint8Array.of(1, 0x7e)),
  )
  expect([...(await readAll(nan)).x!.data]).toEqual([NaN])
})

const lora = fileURLToPath(new URL("../../../shared/fixtures/lora_rank16.safetensors", import.meta.url))
if (!existsSync(lora)) console.warn(`skipped: a real LoRA file of others; ${lora} is absent`)
test.skipIf(!existsSync(lora))("a real LoRA file of others", async () => {
  const { kind, tensors, count, naming } = await inspect(lora)
  expect(tensors).toHaveLength(48)
  expect(count).toBe(48 * 16 * 768)
  expect(naming).toBe("SAMed LoRA")
  expect(kind).toMatch(/LoRA/)
  const all = await readAll(lora)
  expect(all.w_a_000!.shape).toEqual([16, 768])
  expect(all.w_a_000!.data[0]).toBeCloseTo(0.004609750583767891, 12)
  expect(all.w_b_000!.shape).toEqual([768, 16])
})
