/** How numbers lie in checkpoints, and their reading as float32. Little-endian, as every writer of both formats is. */

interface Dtype {
  /** Bytes of one element. */
  readonly bytes: number
  /** PyTorch's class of storages; torch.NAME in a pickle. */
  readonly storage: string
  /** PyTorch's name of the dtype. */
  readonly torch: string
  /** Elements as float32: exact, rounded to nearest (F64, whole numbers over 2²⁴), or infinite on overflow. */
  readonly decode: (bytes: Uint8Array, out: Float32Array) => void
}

type Numbers = Float32Array | Float64Array | Int8Array | Int16Array | Int32Array | Uint8Array
type View = new (buffer: ArrayBufferLike, offset: number, length: number) => Numbers

const as =
  (View: View, size: number): Dtype["decode"] =>
  (bytes, out) =>
    out.set(new View(bytes.buffer, bytes.byteOffset, bytes.length / size))

const words = (bytes: Uint8Array) => new Uint16Array(bytes.buffer, bytes.byteOffset, bytes.length / 2)
const bits = (out: Float32Array) => new Uint32Array(out.buffer, out.byteOffset, out.length)

/** binary16 has 5 bits of exponent with bias 15 and 10 of fraction; float32 has 8 with bias 127, and 23. */
const halves: Dtype["decode"] = (bytes, out) => {
  const from = words(bytes)
  const to = bits(out)
  for (let i = 0; i < from.length; i++) {
    const half = from[i]!
    const sign = (half & 0x8000) << 16
    const exponent = (half >> 10) & 31
    const fraction = half & 1023
    if (exponent === 0) out[i] = (half & 0x8000 ? -fraction : fraction) * 2 ** -24
    else to[i] = sign | ((exponent === 31 ? 255 : exponent + 112) << 23) | (fraction << 13)
  }
}

/** The upper half of a float32. */
const brains: Dtype["decode"] = (bytes, out) => {
  const from = words(bytes)
  const to = bits(out)
  for (let i = 0; i < from.length; i++) to[i] = from[i]! << 16
}

const longs: Dtype["decode"] = (bytes, out) => {
  const from = new BigInt64Array(bytes.buffer, bytes.byteOffset, bytes.length / 8)
  for (let i = 0; i < from.length; i++) out[i] = Number(from[i])
}

/** By safetensors' names. */
export const dtypes = {
  F64: { bytes: 8, storage: "DoubleStorage", torch: "float64", decode: as(Float64Array, 8) },
  F32: { bytes: 4, storage: "FloatStorage", torch: "float32", decode: as(Float32Array, 4) },
  F16: { bytes: 2, storage: "HalfStorage", torch: "float16", decode: halves },
  BF16: { bytes: 2, storage: "BFloat16Storage", torch: "bfloat16", decode: brains },
  I64: { bytes: 8, storage: "LongStorage", torch: "int64", decode: longs },
  I32: { bytes: 4, storage: "IntStorage", torch: "int32", decode: as(Int32Array, 4) },
  I16: { bytes: 2, storage: "ShortStorage", torch: "int16", decode: as(Int16Array, 2) },
  I8: { bytes: 1, storage: "CharStorage", torch: "int8", decode: as(Int8Array, 1) },
  U8: { bytes: 1, storage: "ByteStorage", torch: "uint8", decode: as(Uint8Array, 1) },
  BOOL: { bytes: 1, storage: "BoolStorage", torch: "bool", decode: as(Uint8Array, 1) },
} as const satisfies Record<string, Dtype>

export type DtypeName = keyof typeof dtypes
export const isDtype = (name: string): name is DtypeName => Object.hasOwn(dtypes, name)
export const dtypeNames = Object.keys(dtypes) as DtypeName[]
