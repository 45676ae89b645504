/**
 * Attention that never holds its scores: tiles of keys and values pass through workgroup memory, one thread a row.
 *
 *   s_ij = scale·q_i·k_j + b_ij     p_ij = exp(s_ij − L_i)     o_i = Σ_j p_ij·v_j
 *   ds_ij = p_ij·(g_i·v_j − g_i·o_i)   dq = scale·ds·k   dk = scale·dsᵀ·q   dv = pᵀ·g
 *
 * The softmax is online (Milakov and Gimelshein 2018), the backward pass computes p again from L (FlashAttention, Dao
 * et al. 2022). The bias of decomposed relative positions, b_ij = q_i·H[y_i − y_j] + q_i·W[x_i − x_j] comes apart: `rel` holds both factors of a
 * query, height + width numbers, so the grid of n keys never becomes an n × n table.
 */
import type { WgslKernel } from "./kernel.ts"

const lanes = 64

export interface AttentionShape {
  /** Batch times heads. */
  readonly images: number
  readonly queries: number
  readonly keys: number
  /** Features of queries and keys, and of values: multiples of 4. */
  readonly width: number
  readonly valueWidth: number
  readonly scale: number
  /** Of the grid that the keys lie on, where there is a relative bias. */
  readonly grid?: readonly [height: number, width: number]
  /** Tiles and products in 16 bits; only forward, for gradients can be smaller than such floats go. */
  readonly f16: boolean
}

/** Rows of a tile: 16, or fewer where workgroup memory is short; 0 where not one fits. */
export const tileRows = ({ width, valueWidth, f16 }: AttentionShape, workgroupBytes: number): number =>
  Math.min(16, Math.floor(workgroupBytes / ((f16 ? 2 : 4) * (width + valueWidth) + 8)))

/** Once for each vec4 of a row. Not written out here: drivers unroll such loops, and software ones compile far longer if we do. */
const each = (width: number, what: string): string => `for (var c = 0u; c < ${width / 4}u; c++) { ${what} }`

const bias = ({ grid }: AttentionShape): number => (grid ? grid[0] + grid[1] : 0)

const common = (shape: AttentionShape, rows: number, tile: number) => {
  const [gridHeight, gridWidth] = shape.grid ?? [0, 0]
  return {
    extents: {
      queries: shape.queries,
      keys: shape.keys,
      width4: shape.width / 4,
      value4: shape.valueWidth / 4,
      tile,
      blocks: Math.ceil(rows / lanes),
      ...(shape.grid ? { gridHeight, gridWidth, terms: gridHeight + gridWidth } : {}),
    },
    scalars: { scale: shape.scale },
    workgroup: lanes,
    groups: shape.images * Math.ceil(rows / lanes),
    f16: shape.f16,
  }
}
const half = ({ f16 }: AttentionShape): string => (f16 ? "vec4<f16>" : "vec4<f32>")
/** In 16 bits, four products at a time; their sums are always of 32. */
const products = (shape: AttentionShape): string => `
alias Part = ${half(shape)};
fn product(a: Part, b: Part) -> f32 { return ${shape.f16 ? "f32(dot(a, b))" : "dot(a, b)"}; }`

/** This thread's image and row; rows past the end follow the last one and write nothing. */
const place = (rows: string): string => `
  let image = group / blocks;
  let mine = (group % blocks) * ${lanes}u + lane;
  let live = mine < ${rows};
  let row = image * ${rows} + min(mine, ${rows} - 1u);`

/** Loads rows start … start + tile of a tensor, seen as vec4, into workgroup memory. */
const load = (into: string, from: string, rows: string, width4: string, times = ""): string => `
    for (var e = lane; e < tile * ${width4}; e += ${lanes}u) {
      let at = min(start + e / ${width4}, ${rows} - 1u);
      ${into}[e] = Part(${from}[(image * ${rows} + at) * ${width4} + e % ${width4}]${times});
    }`

/** Keys in order, one after another: `s` is this row's score with key j of the tile, at (ky, kx) of the grid. */
const keyLoop = (shape: AttentionShape, withValues: boolean, body: string): string => `
  ${shape.grid ? "var ky = 0u; var kx = 0u;" : ""}
  for (var start = 0u; start < keys; start += tile) {
    ${load("tileK", "k", "keys", "width4")}
    ${withValues ? load("tileV", "v", "keys", "value4") : ""}
    workgroupBarrier();
    let count = min(tile, keys - start);
    for (var j = 0u; j < count; j++) {
      var s = 0.0;
      ${each(shape.width, "s += product(query[c], tileK[j * width4 + c]);")}
      ${shape.grid ? "s += rel[row * terms + ky] + rel[row * terms + gridHeight + kx];" : ""}
      ${body}
      ${shape.grid ? "kx++; if (kx == gridWidth) { kx = 0u; ky++; }" : ""}
    }
    workgroupBarrier();
  }`
const tiles = (shape: AttentionShape, tile: number): string => `${products(shape)}
var<workgroup> tileK: array<Part, ${(tile * shape.width) / 4}>;
var<workgroup> tileV: array<Part, ${(tile * shape.valueWidth) / 4}>;`
const loadQuery = (shape: AttentionShape): string => `
  var query: array<Part, width4>;
  ${each(shape.width, `query[c] = Part(q[row * width4 + c] * scale);`)}`

const relInput = (shape: AttentionShape): readonly string[] => (shape.grid ? ["rel"] : [])

/**
 * The largest score so far, and the sum of exp(s − highest) with it. A new highest is rare after the first keys (about
 * ln n times a row), so what was summed is scaled down only then.
 */
const softmaxSoFar = `
  var highest = -3.0e38;
  var weight = 0.0;`
const softmaxStep = (rescale: string): string => `
      if (s > highest) {
        let fade = exp(highest - s);
        weight *= fade;
        ${rescale}
        highest = s;
      }
      let p = exp(s - highest);
      weight += p;`

/** q, k, v (, rel) → o */
export const attention = (shape: AttentionShape, tile: number): WgslKernel => ({
  ...common(shape, shape.queries, tile),
  name: `attention${shape.grid ? "Rel" : ""}`,
  inputs: ["q", "k", "v", ...relInput(shape)],
  outputs: [{ name: "o", shape: [shape.images, shape.queries, shape.valueWidth] }],
  vec4: ["q", "k", "v", "o"],
  declarations: tiles(shape, tile),
  body: `${place("queries")}${loadQuery(shape)}
  var sum: array<vec4<f32>, value4>;
  ${softmaxSoFar}
  ${keyLoop(
    shape,
    true,
    `${softmaxStep(each(shape.valueWidth, "sum[c] *= fade;"))}
      ${each(shape.valueWidth, "sum[c] += p * vec4<f32>(tileV[j * value4 + c]);")}`,
  )}
  if (live) { ${each(shape.valueWidth, `o[row * value4 + c] = sum[c] / weight;`)} }`,
})

/** q, k (, rel), o, g → for each query L_i and g_i·o_i, which is all that the backward pass keeps of the softmax. */
export const attentionMoments = (shape: AttentionShape, tile: number): WgslKernel => ({
  ...common(shape, shape.queries, tile),
  name: `attentionMoments${shape.grid ? "Rel" : ""}`,
  inputs: ["q", "k", ...relInput(shape), "o", "g"],
  outputs: [{ name: "moments", shape: [shape.images, shape.queries, 2] }],
  vec4: ["q", "k", "o", "g"],
  declarations: `${products(shape)}
var<workgroup> tileK: array<Part, ${(tile * shape.width) / 4}>;`,
  body: `${place("queries")}${loadQuery(shape)}
  ${softmaxSoFar}
  ${keyLoop(shape, false, softmaxStep(""))}
  var inner = 0.0;
  ${each(shape.valueWidth, `inner += dot(o[row * value4 + c], g[row * value4 + c]);`)}
  if (live) { moments[row * 2u] = highest + log(weight); moments[row * 2u + 1u] = inner; }`,
})

/** A row of the grid ends with its sum; the columns' sums grow in memory, from the first row on. */
const biasGradient = `
      byRow += ds;
      if (live) {
        let column = terms0 + gridHeight + kx;
        drel[column] = select(drel[column], 0.0, ky == 0u) + ds;
        if (kx + 1u == gridWidth) { drel[terms0 + ky] = byRow; }
      }
      if (kx + 1u == gridWidth) { byRow = 0.0; }`

/** q, k, v (, rel), moments, g → dq of the product alone (, drel: the gradient of both factors of the bias). */
export const attentionQueryGrad = (shape: AttentionShape, tile: number): WgslKernel => ({
  ...common(shape, shape.queries, tile),
  name: `attentionQueryGrad${shape.grid ? "Rel" : ""}`,
  inputs: ["q", "k", "v", ...relInput(shape), "moments", "g"],
  outputs: [
    { name: "dq", shape: [shape.images, shape.queries, shape.width] },
    ...(shape.grid ? [{ name: "drel", shape: [shape.images, shape.queries, bias(shape)] }] : []),
  ],
  vec4: ["q", "k", "v", "g", "dq"],
  declarations: tiles(shape, tile),
  body: `${place("queries")}${loadQuery(shape)}
  var gradient: array<Part, value4>;
  ${each(shape.valueWidth, `gradient[c] = Part(g[row * value4 + c]);`)}
  let logSum = moments[row * 2u];
  let inner = moments[row * 2u + 1u];
  var sum: array<vec4<f32>, width4>;
  ${shape.grid ? "var byRow = 0.0; let terms0 = row * terms;" : ""}
  ${keyLoop(
    shape,
    true,
    `var gv = 0.0;
      ${each(shape.valueWidth, "gv += product(gradient[c], tileV[j * value4 + c]);")}
      let ds = exp(s - logSum) * (gv - inner);
      ${each(shape.width, "sum[c] += ds * vec4<f32>(tileK[j * width4 + c]);")}
      ${shape.grid ? biasGradient : ""}`,
  )}
  if (live) { ${each(shape.width, "dq[row * width4 + c] = sum[c] * scale;")} }`,
})

/** q, k, v (, rel), moments, g → dk, dv: one thread a key, tiles of queries. */
export const attentionKeyGrad = (shape: AttentionShape, tile: number): WgslKernel => ({
  ...common(shape, shape.keys, tile),
  name: `attentionKeyGrad${shape.grid ? "Rel" : ""}`,
  inputs: ["q", "k", "v", ...relInput(shape), "moments", "g"],
  outputs: [
    { name: "dk", shape: [shape.images, shape.keys, shape.width] },
    { name: "dv", shape: [shape.images, shape.keys, shape.valueWidth] },
  ],
  vec4: ["q", "k", "v", "g", "dk", "dv"],
  declarations: `${products(shape)}
var<workgroup> tileQ: array<Part, ${(tile * shape.width) / 4}>;
var<workgroup> tileG: array<Part, ${(tile * shape.valueWidth) / 4}>;
var<workgroup> tileM: array<vec2<f32>, ${tile}>;`,
  body: `${place("keys")}
  var key: array<Part, width4>;
  var value: array<Part, value4>;
  ${each(shape.width, `key[c] = Part(k[row * width4 + c]);`)}
  ${each(shape.valueWidth, `value[c] = Part(v[row * value4 + c]);`)}
  var sumK: array<vec4<f32>, width4>;
  var sumV: array<vec4<f32>, value4>;
  ${shape.grid ? "let ky = min(mine, keys - 1u) / gridWidth; let kx = min(mine, keys - 1u) % gridWidth;" : ""}
  for (var start = 0u; start < queries; start += tile) {
    ${load("tileQ", "q", "queries", "width4", " * scale")}
    ${load("tileG", "g", "queries", "value4")}
    if (lane < tile) {
      let at = (image * queries + min(start + lane, queries - 1u)) * 2u;
      tileM[lane] = vec2<f32>(moments[at], moments[at + 1u]);
    }
    workgroupBarrier();
    let count = min(tile, queries - start);
    for (var i = 0u; i < count; i++) {
      var s = 0.0;
      ${each(shape.width, `s += product(tileQ[i * width4 + c], key[c]);`)}
      ${
        shape.grid
          ? `let at = (image * queries + start + i) * terms;
      s += rel[at + ky] + rel[at + gridHeight + kx];`
          : ""
      }
      var gv = 0.0;
      ${each(shape.valueWidth, `gv += product(tileG[i * value4 + c], value[c]);`)}
      let p = exp(s - tileM[i].x);
      let ds = p * (gv - tileM[i].y);
      ${each(shape.width, `sumK[c] += ds * vec4<f32>(tileQ[i * width4 + c]);`)}
      ${each(shape.valueWidth, `sumV[c] += p * vec4<f32>(tileG[i * value4 + c]);`)}
    }
    workgroupBarrier();
  }
  if (live) {
    ${each(shape.width, `dk[row * width4 + c] = sumK[c];`)}
    ${each(shape.valueWidth, `dv[row * value4 + c] = sumV[c];`)}
  }`,
})
