/** y = x + up·relu(down·x + b) + b': the hidden values of some rows stay in workgroup memory. */
import { type Shape, sizeOf } from "../../../compiler/ir/graph.ts"
import type { WgslKernel } from "./kernel.ts"

const lanes = 64
const mostRows = 8

/** Rows that one workgroup can hold; 0 where not even one fits. */
export const adapterRows = (rank: number, workgroupBytes: number): number =>
  Math.min(mostRows, Math.floor(workgroupBytes / (4 * rank)))

export const adapter = (shape: Shape, rank: number, workgroupBytes: number): WgslKernel => {
  const width = shape.at(-1)!
  const count = sizeOf(shape) / width
  const held = adapterRows(rank, workgroupBytes)
  const each = (what: string) => `for (var r = 0u; r < held; r++) { ${what} }`
  return {
    name: "adapter",
    extents: { width, rank, count, held },
    inputs: ["x", "down", "downBias", "up", "upBias"],
    outputs: [{ name: "y", shape }],
    workgroup: lanes,
    groups: Math.ceil(count / held),
    declarations: `var<workgroup> hidden: array<f32, ${held * rank}>;`,
    body: `
  // Rows past the end compute the last row again and write nothing.
  let first = group * held;
  var row: array<u32, held>;
  ${each("row[r] = min(first + r, count - 1u) * width;")}
  for (var j = lane; j < rank; j += ${lanes}u) {
    var h: array<f32, held>;
    ${each("h[r] = downBias[j];")}
    for (var c = 0u; c < width; c++) {
      let weight = down[j * width + c];
      ${each("h[r] += weight * x[row[r] + c];")}
    }
    ${each("hidden[r * rank + j] = max(h[r], 0.0);")}
  }
  workgroupBarrier();
  for (var c = lane; c < width; c += ${lanes}u) {
    var sum: array<f32, held>;
    ${each("sum[r] = upBias[c];")}
    for (var j = 0u; j < rank; j++) {
      let weight = up[c * rank + j];
      ${each("sum[r] += weight * hidden[r * rank + j];")}
    }
    ${each("if (first + r < count) { y[row[r] + c] = x[row[r] + c] + sum[r]; }")}
  }`,
  }
}
