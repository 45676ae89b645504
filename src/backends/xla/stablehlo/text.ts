/** How StableHLO writes types and values. */
import { type Shape, sizeOf } from "../../../compiler/ir/graph.ts"

/** float32 and bfloat16 values, truth values, and indices. */
export type Element = "f32" | "bf16" | "i1" | "i32"

export const tensorType = (shape: Shape, element: Element = "f32"): string => `tensor<${[...shape, element].join("x")}>`
export const list = (xs: readonly (number | string)[]): string => `[${xs.join(", ")}]`

/** A float32 value; what is not finite by its bits. */
export const float = (x: number): string => {
  const value = Math.fround(x)
  if (Number.isFinite(value)) return Object.is(value, -0) ? "-0.0" : value.toExponential(9)
  const bits = Buffer.alloc(4)
  bits.writeFloatBE(value)
  return `0x${bits.toString("hex").toUpperCase()}`
}

/** All values of a constant: one for all where they are equal, else their bytes. */
export const dense = (values: readonly number[], shape: Shape, element: "f32" | "i32"): string => {
  const write = element === "f32" ? float : String
  if (values.length === 1 || values.every((x) => Object.is(x, values[0]))) return write(values[0]!)
  const bytes = Buffer.alloc(4 * sizeOf(shape))
  values.forEach((x, i) => {
    if (element === "f32") bytes.writeFloatLE(Math.fround(x), 4 * i)
    else bytes.writeInt32LE(x, 4 * i)
  })
  return `"0x${bytes.toString("hex").toUpperCase()}"`
}

/** A string in quotes, as MLIR reads it: other bytes than printable ASCII as \XX. */
export const quoted = (text: string): string =>
  `"${[...Buffer.from(text)]
    .map((byte) =>
      byte >= 0x20 && byte < 0x7f && byte !== 0x22 && byte !== 0x5c
        ? String.fromCharCode(byte)
        : `\\${byte.toString(16).toUpperCase().padStart(2, "0")}`,
    )
    .join("")}"`
