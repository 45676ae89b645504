/** Files of NumPy's savez, made here: stored members, a header padded to 64 bytes. */
import type { Tensors } from "../../src/compiler/ir/graph.ts"
import { zipOf } from "../../src/runtime/weights/zip.ts"

export const npy = (header: string, numbers: Uint8Array): Uint8Array => {
  const length = Math.ceil((10 + header.length + 1) / 64) * 64 - 10
  const head = new Uint8Array(10 + length).fill(0x20)
  head.set([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0, length & 255, length >> 8])
  head.set(new TextEncoder().encode(header), 10)
  head[head.length - 1] = 0x0a
  return Buffer.concat([head, numbers])
}
export const headerOf = (shape: readonly number[], descr = "<f4", order = "False"): string =>
  `{'descr': '${descr}', 'fortran_order': ${order}, 'shape': (${shape.join(", ")}${shape.length === 1 ? "," : ""}), }`

export const archive = async (members: Readonly<Record<string, Uint8Array>>): Promise<Uint8Array> => {
  const pieces: Uint8Array[] = []
  for await (const piece of zipOf(Object.entries(members).map(([name, bytes]) => ({ name, bytes: () => bytes }))))
    pieces.push(piece)
  return Buffer.concat(pieces)
}
export const npz = (tensors: Tensors): Promise<Uint8Array> =>
  archive(
    Object.fromEntries(
      Object.entries(tensors).map(([name, { shape, data }]) => [
        `${name}.npy`,
        npy(headerOf(shape), new Uint8Array(data.buffer, data.byteOffset, data.byteLength)),
      ]),
    ),
  )
