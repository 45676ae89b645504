/** Files of NumPy's savez: what NumPy writes, packed or not, in either order; and files that lie. */
import { execFileSync } from "node:child_process"
import { join } from "node:path"
import { expect, test } from "vitest"
import { inspect } from "../../src/runtime/weights/index.ts"
import { pythonWith } from "../python/index.ts"
import { archive, headerOf, npy, npz } from "./npz.ts"
import { folder, noise, problems, readAll, temporary } from "./tools.ts"

test("arrays come by their names and shapes", async () => {
  const tensors = { "a/kernel": noise([2, 3, 4]), b: noise([5], 2), scalar: noise([], 3) }
  const path = await temporary("weights.npz", await npz(tensors))
  expect(await readAll(path)).toEqual(tensors)
  expect((await inspect(path)).format).toBe("npz")
})
test("columns first, halves, doubles and whole numbers", async () => {
  const bytes = (numbers: { readonly buffer: ArrayBufferLike }) => new Uint8Array(numbers.buffer)
  const path = await temporary(
    "kinds.npz",
    await archive({
      "f.npy": npy(headerOf([2, 3], "<f4", "True"), bytes(Float32Array.of(0, 3, 1, 4, 2, 5))),
      "d.npy": npy(headerOf([2], "<f8"), bytes(Float64Array.of(0.5, -2))),
      "h.npy": npy(headerOf([2], "<f2"), bytes(Uint16Array.of(0x3c00, 0xc000))),
      "i.npy": npy(headerOf([1], "<i8"), bytes(BigInt64Array.of(7n))),
      "none.npy": npy(headerOf([0, 4]), new Uint8Array(0)),
    }),
  )
  const all = await readAll(path)
  expect([...all["f"]!.data]).toEqual([0, 1, 2, 3, 4, 5])
  expect([...all["d"]!.data, ...all["h"]!.data, ...all["i"]!.data]).toEqual([0.5, -2, 1, -2, 7])
  expect(all["none"]).toEqual({ shape: [0, 4], data: new Float32Array(0) })
})

const numpy = pythonWith("numpy")
test.skipIf(numpy === undefined)("what NumPy itself writes, deflated or not", async () => {
  const dir = await folder()
  const script = `import sys, numpy as np
arrays = {"x/kernel": np.arange(24, dtype=np.float32).reshape(2, 3, 4), "f": np.asfortranarray(np.arange(6, dtype=np.float32).reshape(2, 3)), "h": np.array([0.5, 2], np.float16), "n": np.array(3)}
np.savez(sys.argv[1] + "/plain.npz", **arrays)
np.savez_compressed(sys.argv[1] + "/packed.npz", **arrays)`
  execFileSync(numpy!, ["-c", script, dir])
  for (const name of ["plain.npz", "packed.npz"]) {
    const all = await readAll(join(dir, name))
    expect([...all["x/kernel"]!.data], name).toEqual(Array.from({ length: 24 }, (_, i) => i))
    expect(all["x/kernel"]!.shape).toEqual([2, 3, 4])
    expect([...all["f"]!.data], name).toEqual([0, 1, 2, 3, 4, 5])
    expect([...all["h"]!.data, ...all["n"]!.data], name).toEqual([0.5, 2, 3])
  }
})

test.each([
  ["HS3002", { "a.npy": new Uint8Array(40) }],
  ["HS3002", { "a.npy": npy("{'descr': '<f4'}", new Uint8Array(4)) }],
  ["HS3002", { "a.npy": npy(headerOf([1]), new Uint8Array(4)).subarray(0, 40) }],
  ["HS3003", { "a.npy": npy(headerOf([2]), new Uint8Array(4)) }],
  ["HS3003", { "a.npy": npy(headerOf([99_999_999, 99_999_999]), new Uint8Array(4)) }],
  ["HS3004", { "a.npy": npy(headerOf([1], ">f4"), new Uint8Array(4)) }],
  ["HS3004", { "a.npy": npy(headerOf([1], "|O"), new Uint8Array(4)) }],
  ["HS3004", { "a.npy": npy("{'descr': [('x', '<f4')], 'fortran_order': False, 'shape': (1,), }", new Uint8Array(4)) }],
  ["HS3001", { "a.npy": npy(headerOf([1]), new Uint8Array(4)), "b.txt": new Uint8Array(3) }],
] as const)("%s: arrays that are none, %#", async (code, members) => {
  const path = await temporary("bad.npz", await archive(members as Readonly<Record<string, Uint8Array>>))
  expect((await problems(readAll(path))).map((one) => one.code)).toEqual([code])
})
