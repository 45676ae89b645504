/** Writing what torch.load(weights_only=True) reads, in PyTorch 1.6 and later: an OrderedDict of tensors. */

import { failed } from "../../compiler/diagnostic.ts"
import { sizeOf } from "../../compiler/ir/graph.ts"
import { dtypes } from "./dtype.ts"
import type { Outgoing } from "./safetensors.ts"
import { type ZipMember, zipLength, zipOf } from "./zip.ts"

const encoder = new TextEncoder()

/** Instructions of protocol 2. */
const op = (code: string, ...rest: readonly number[]): Uint8Array => Uint8Array.from([code.charCodeAt(0), ...rest])
const uint32 = (value: number): readonly number[] => [
  value & 255,
  (value >>> 8) & 255,
  (value >>> 16) & 255,
  value >>> 24,
]
const text = (value: string): readonly Uint8Array[] => {
  const bytes = encoder.encode(value)
  return [op("X", ...uint32(bytes.length)), bytes]
}
const whole = (value: number): Uint8Array =>
  value < 256
    ? op("K", value)
    : value < 2 ** 31
      ? op("J", ...uint32(value))
      : op("\x8a", 5, ...uint32(value % 2 ** 32), Math.floor(value / 2 ** 32))
const named = (module: string, name: string): Uint8Array => encoder.encode(`c${module}\n${name}\n`)
const tuple = (items: readonly number[]): readonly Uint8Array[] => [op("("), ...items.map(whole), op("t")]
const call = op("R")
const emptyDict = [named("collections", "OrderedDict"), op(")"), call]

const stridesOf = (shape: readonly number[]): readonly number[] => {
  const strides: number[] = []
  let stride = 1
  for (const extent of [...shape].reverse()) {
    strides.unshift(stride)
    stride *= Math.max(extent, 1)
  }
  return strides
}

const tensor = ({ dtype, shape }: Outgoing, key: string): readonly Uint8Array[] => [
  named("torch._utils", "_rebuild_tensor_v2"),
  op("("), // arguments: storage, offset, shape, strides, requires_grad, hooks
  op("("),
  ...text("storage"),
  named("torch", dtypes[dtype].storage),
  ...text(key),
  ...text("cpu"),
  whole(sizeOf(shape)),
  op("t"),
  op("Q"),
  whole(0),
  ...tuple(shape),
  ...tuple(stridesOf(shape)),
  op("\x89"),
  ...emptyDict,
  op("t"),
  call,
]

const pickle = (tensors: readonly Outgoing[]): Uint8Array =>
  Buffer.concat([
    op("\x80", 2),
    ...emptyDict,
    op("("),
    ...tensors.flatMap((outgoing, i) => [...text(outgoing.name), ...tensor(outgoing, String(i))]),
    op("u"),
    op("."),
  ])

const member = (name: string, bytes: ZipMember["bytes"]): ZipMember => ({ name: `archive/${name}`, bytes })

/** A .pth file's bytes, in the order given. Throws HS3017 for what needs a zip archive over 4 GiB. */
export const pthOf = (path: string, tensors: readonly Outgoing[]): AsyncIterable<Uint8Array> => {
  const total = tensors.reduce((sum, { dtype, shape }) => sum + sizeOf(shape) * dtypes[dtype].bytes + 512, 0)
  if (total > 2 ** 32 - 2 ** 24 || tensors.length > 65_000)
    throw failed(
      path,
      "HS3017",
      `${tensors.length} tensors of ${total} bytes are too much for a .pth file`,
      "Write a .safetensors file.",
    )
  return zipOf([
    member("data.pkl", () => pickle(tensors)),
    member("byteorder", () => encoder.encode("little")),
    ...tensors.map(({ bytes }, i) => member(`data/${i}`, bytes)),
    member("version", () => encoder.encode("3\n")),
  ])
}

/** Bytes of a .pth file with these tensors in float32, as pthOf writes it; torch.save's differs by some bytes a tensor. */
export const pthLength = (tensors: readonly { readonly name: string; readonly shape: readonly number[] }[]): number => {
  const outgoing = tensors.map(({ name, shape }) => ({
    name,
    shape,
    dtype: "F32" as const,
    bytes: () => new Uint8Array(),
  }))
  const length = (name: string, bytes: number) => ({ name: `archive/${name}`, length: bytes })
  return zipLength([
    length("data.pkl", pickle(outgoing).length),
    length("byteorder", 6),
    ...tensors.map(({ shape }, i) => length(`data/${i}`, 4 * sizeOf(shape))),
    length("version", 2),
  ])
}
