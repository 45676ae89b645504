/** Decomposed relative positions: query (y, x) and key (y', x') add q·H[y − y' + height − 1] + q·W[x − x' + width − 1]. */
import type { WgslKernel } from "./kernel.ts"

const lanes = 64

/** images, features of a head, and the grid. */
export interface RelativeShape {
  readonly images: number
  readonly width: number
  readonly grid: readonly [height: number, width: number]
}

const extentsOf = ({ width, grid: [gridHeight, gridWidth] }: RelativeShape) => ({
  width4: width / 4,
  gridHeight,
  gridWidth,
  terms: gridHeight + gridWidth,
  tokens: gridHeight * gridWidth,
})

/** q, tableH, tableW → [images, tokens, height + width]: both factors of each query's bias. */
export const relativeTerms = (shape: RelativeShape): WgslKernel => {
  const extents = extentsOf(shape)
  const size = shape.images * extents.tokens * extents.terms
  return {
    name: "relativeTerms",
    extents: { ...extents, size },
    inputs: ["q", "tableH", "tableW"],
    outputs: [{ name: "rel", shape: [shape.images, extents.tokens, extents.terms] }],
    vec4: ["q", "tableH", "tableW"],
    workgroup: lanes,
    groups: Math.ceil(size / lanes),
    body: `
  let i = group * ${lanes}u + lane;
  if (i >= size) { return; }
  let term = i % terms;
  let row = i / terms;
  let y = (row % tokens) / gridWidth;
  let x = (row % tokens) % gridWidth;
  var sum = 0.0;
  if (term < gridHeight) {
    let at = (y + gridHeight - 1u - term) * width4;
    for (var c = 0u; c < width4; c++) { sum += dot(q[row * width4 + c], tableH[at + c]); }
  } else {
    let at = (x + gridWidth - 1u - (term - gridHeight)) * width4;
    for (var c = 0u; c < width4; c++) { sum += dot(q[row * width4 + c], tableW[at + c]); }
  }
  rel[i] = sum;`,
  }
}

/** dq, drel, tableH, tableW → dq with what it gets through the bias: Σ drel·table. */
export const relativeQueryGrad = (shape: RelativeShape): WgslKernel => {
  const extents = extentsOf(shape)
  const size = shape.images * extents.tokens * extents.width4
  return {
    name: "relativeQueryGrad",
    extents: { ...extents, size },
    inputs: ["partial", "drel", "tableH", "tableW"],
    outputs: [{ name: "dq", shape: [shape.images, extents.tokens, shape.width] }],
    vec4: ["partial", "tableH", "tableW", "dq"],
    workgroup: lanes,
    groups: Math.ceil(size / lanes),
    body: `
  let i = group * ${lanes}u + lane;
  if (i >= size) { return; }
  let c = i % width4;
  let row = i / width4;
  let y = (row % tokens) / gridWidth;
  let x = (row % tokens) % gridWidth;
  var sum = partial[i];
  for (var t = 0u; t < gridHeight; t++) {
    sum += drel[row * terms + t] * tableH[(y + gridHeight - 1u - t) * width4 + c];
  }
  for (var t = 0u; t < gridWidth; t++) {
    sum += drel[row * terms + gridHeight + t] * tableW[(x + gridWidth - 1u - t) * width4 + c];
  }
  dq[i] = sum;`,
  }
}

/** q, drel → the gradient of one table, still apart for each image: [images, 2·extent − 1, width]. */
export const tableGrad = (shape: RelativeShape, axis: "height" | "width"): WgslKernel => {
  const extents = extentsOf(shape)
  const [extent, other] = axis === "height" ? shape.grid : [shape.grid[1], shape.grid[0]]
  const size = shape.images * (2 * extent - 1) * extents.width4
  return {
    name: `tableGrad ${axis}`,
    extents: { ...extents, extent, other, entries: 2 * extent - 1, size },
    inputs: ["q", "drel"],
    outputs: [{ name: "dTable", shape: [shape.images, 2 * extent - 1, shape.width] }],
    vec4: ["q", "dTable"],
    workgroup: lanes,
    groups: Math.ceil(size / lanes),
    body: `
  let i = group * ${lanes}u + lane;
  if (i >= size) { return; }
  let c = i % width4;
  let entry = (i / width4) % entries;
  let image = i / (width4 * entries);
  var sum = vec4<f32>();
  // Queries at a, keys at a − entry + extent − 1: only those on the grid.
  let first = select(0u, entry - (extent - 1u), entry >= extent);
  let last = min(extent - 1u, entry);
  for (var a = first; a <= last; a++) {
    let term = a + extent - 1u - entry${axis === "width" ? " + gridHeight" : ""};
    for (var b = 0u; b < other; b++) {
      let row = image * tokens + ${axis === "height" ? "a * gridWidth + b" : "b * gridWidth + a"};
      sum += drel[row * terms + term] * q[row * width4 + c];
    }
  }
  dTable[i] = sum;`,
  }
}
