/** One thread an element. */
import { type Shape, sizeOf } from "../../../compiler/ir/graph.ts"
import type { WgslKernel } from "./kernel.ts"
import { erf, sinCos } from "./pieces.ts"

const lanes = 64

/** `y[i] = expression`, where the inputs' elements are known by the inputs' names. */
const pointwise = (
  name: string,
  shape: Shape,
  inputs: readonly string[],
  expression: string,
  declarations: string,
): WgslKernel => ({
  name,
  extents: { size: sizeOf(shape) },
  inputs: inputs.map((input) => `${input}s`),
  outputs: [{ name: "result", shape }],
  workgroup: lanes,
  groups: Math.ceil(sizeOf(shape) / lanes),
  declarations,
  body: `
  let i = group * ${lanes}u + lane;
  if (i >= size) { return; }
  ${inputs.map((input) => `let ${input} = ${input}s[i];`).join("\n  ")}
  result[i] = ${expression};`,
})

/** x·Φ(x), Φ(x) = (1 + erf(x/√2))/2 */
export const gelu = (shape: Shape): WgslKernel =>
  pointwise("gelu", shape, ["x"], "x * 0.5 * (1.0 + erf(x * 0.70710678))", erf)

/** g·(Φ(x) + x·φ(x)), φ(x) = e^(−x²/2)/√(2π) */
export const geluGrad = (shape: Shape): WgslKernel =>
  pointwise(
    "geluGrad",
    shape,
    ["x", "g"],
    "g * (0.5 * (1.0 + erf(x * 0.70710678)) + x * 0.39894228 * exp(-0.5 * x * x))",
    erf,
  )

export const sin = (shape: Shape): WgslKernel => pointwise("sin", shape, ["x"], "quarterTurn(x, 0)", sinCos)
export const cos = (shape: Shape): WgslKernel => pointwise("cos", shape, ["x"], "quarterTurn(x, 1)", sinCos)
