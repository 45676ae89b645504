/** Layer normalisation over the last axis, `width` long: one workgroup a row. */
import { type Shape, sizeOf } from "../../../compiler/ir/graph.ts"
import type { WgslKernel } from "./kernel.ts"
import { workgroupSum } from "./pieces.ts"

const lanes = 64
const each = (what: string): string => `for (var c = lane; c < width; c += ${lanes}u) { ${what} }`

/** Mean and 1/σ of row `group`, in two passes: x² − mean² would lose the digits that count. */
const statistics = `
  let row = group * width;
  var sum = 0.0;
  ${each("sum += x[row + c];")}
  let mean = total(sum, lane) / f32(width);
  var squares = 0.0;
  ${each("let d = x[row + c] - mean; squares += d * d;")}
  let inverse = inverseSqrt(total(squares, lane) / f32(width) + eps);`

const rowsOf = (shape: Shape): number => sizeOf(shape) / shape.at(-1)!

/** y = (x − mean)/σ·γ + β */
export const layerNorm = (shape: Shape, eps: number): WgslKernel => ({
  name: "layerNorm",
  extents: { width: shape.at(-1)! },
  scalars: { eps },
  inputs: ["x", "gamma", "beta"],
  outputs: [{ name: "y", shape }],
  workgroup: lanes,
  groups: rowsOf(shape),
  declarations: workgroupSum(lanes),
  body: `${statistics}
  ${each("y[row + c] = (x[row + c] - mean) * inverse * gamma[c] + beta[c];")}`,
})

/** With h the normalised x and t = g·γ: dx = (t − mean t − h·mean(t·h))/σ. Also each row's mean and 1/σ. */
export const layerNormGrad = (shape: Shape, eps: number): WgslKernel => ({
  name: "layerNormGrad",
  extents: { width: shape.at(-1)! },
  scalars: { eps },
  inputs: ["x", "gamma", "g"],
  outputs: [
    { name: "dx", shape },
    { name: "moments", shape: [rowsOf(shape), 2] },
  ],
  workgroup: lanes,
  groups: rowsOf(shape),
  declarations: workgroupSum(lanes),
  body: `${statistics}
  var ofT = 0.0;
  var ofTH = 0.0;
  ${each("let t = g[row + c] * gamma[c]; ofT += t; ofTH += t * (x[row + c] - mean) * inverse;")}
  let meanT = total(ofT, lane) / f32(width);
  let meanTH = total(ofTH, lane) / f32(width);
  ${each("dx[row + c] = (g[row + c] * gamma[c] - meanT - (x[row + c] - mean) * inverse * meanTH) * inverse;")}
  if (lane == 0u) { moments[group * 2u] = mean; moments[group * 2u + 1u] = inverse; }`,
})

/** Rows that one thread adds up before the partial sums are added. */
const chunk = 64

/** dγ = Σ g·h and dβ = Σ g over `chunk` rows each: [chunks, 2, width]. */
export const layerNormWeightGrad = (shape: Shape): WgslKernel => {
  const [width, rows] = [shape.at(-1)!, rowsOf(shape)]
  const [chunks, blocks] = [Math.ceil(rows / chunk), Math.ceil(width / lanes)]
  return {
    name: "layerNormWeightGrad",
    extents: { width, rows, blocks },
    inputs: ["x", "moments", "g"],
    outputs: [{ name: "sums", shape: [chunks, 2, width] }],
    workgroup: lanes,
    groups: chunks * blocks,
    body: `
  let part = group / blocks;
  let c = (group % blocks) * ${lanes}u + lane;
  if (c >= width) { return; }
  var dGamma = 0.0;
  var dBeta = 0.0;
  for (var row = part * ${chunk}u; row < min(rows, (part + 1u) * ${chunk}u); row++) {
    let gradient = g[row * width + c];
    dGamma += gradient * (x[row * width + c] - moments[row * 2u]) * moments[row * 2u + 1u];
    dBeta += gradient;
  }
  sums[part * 2u * width + c] = dGamma;
  sums[(part * 2u + 1u) * width + c] = dBeta;`,
  }
}
