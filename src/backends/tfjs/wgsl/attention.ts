/**
 * Attention that never holds its scores: tiles of keys and values pass through workgroup memory, one thread a row.
 *
 *   s_ij = scale·q_i·k_j + b_ij     p_ij = exp(s_ij − L_i)     o_i = Σ_j p_ij·v_j
 *   ds_ij = p_ij·(g_i·v_j − g_i·o_i)   dq = scale·ds·k   dk = scale·dsᵀ·q   dv = pᵀ·g
 *
 * The softmax is online (Milakov and Gimelshein 2018), the backward pass computes p again from L (FlashAttention, Dao
 * et al. 2022). SAM's bias b_ij = q_i·H[y_i − y_j] + q_i·W[x_i − x_j] comes decomposed: `rel` holds both factors of a
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

/** Rows of a tile: 16, or fewer where workgroup memory is short, always fours; 0 where they do not fit. */
export const tileRows = ({ width, valueWidth, f16 }: AttentionShape, workgroupBytes: number): number =>
  4 * Math.min(4, Math.floor(workgroupBytes / ((f16 ? 2 : 4) * (width + valueWidth) + 8) / 4))

/** Once for each vec4 of a row, written out: arrays with known places stay in registers. */
const unrolled = (width: number, what: (c: number) => string): string =>
  Array.from({ length: width / 4 }, (_, c) => what(c)).join("\n      ")

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

/** Four keys' dot products with what this thread holds. */
const fourProducts = (mine: string, tile: string, width4: string, width: number): string =>
  unrolled(
    width,
    (c) =>
      `+ vec4<f32>(${[0, 1, 2, 3].map((u) => `product(${mine}[${c}], ${tile}[(j + ${u}u) * ${width4} + ${c}])`).join(", ")})`,
  )
/** Adds four keys' rows, each by its weight. */
const fourRows = (weights: string, tile: string, width4: string, c: number): string =>
  [..."xyzw"].map((u, at) => `${weights}.${u} * vec4<f32>(${tile}[(j + ${at}u) * ${width4} + ${c}])`).join(" + ")

/** Keys in order, four at a time: `s` are their scores, of no weight past the last key. */
const keyLoop = (shape: AttentionShape, withValues: boolean, body: string): string => `
  for (var start = 0u; start < keys; start += tile) {
    ${load("tileK", "k", "keys", "width4")}
    ${withValues ? load("tileV", "v", "keys", "value4") : ""}
    workgroupBarrier();
    let count = min(tile, keys - start);
    for (var j = 0u; j < count; j += 4u) {
      let key = vec4<u32>(start + j) + vec4<u32>(0u, 1u, 2u, 3u);
      var s = vec4<f32>()
      ${fourProducts("query", "tileK", "width4", shape.width)};
      ${
        shape.grid
          ? `let ky = key / gridWidth;
      let kx = key % gridWidth;
      let bias = row * terms;
      s += vec4<f32>(rel[bias + ky.x], rel[bias + ky.y], rel[bias + ky.z], rel[bias + ky.w]);
      let byX = bias + gridHeight;
      s += vec4<f32>(rel[byX + kx.x], rel[byX + kx.y], rel[byX + kx.z], rel[byX + kx.w]);`
          : ""
      }
      s = select(vec4<f32>(-3.0e38), s, key < vec4<u32>(keys));
      ${body}
    }
    workgroupBarrier();
  }`
const tiles = (shape: AttentionShape, tile: number): string => `${products(shape)}
var<workgroup> tileK: array<Part, ${(tile * shape.width) / 4}>;
var<workgroup> tileV: array<Part, ${(tile * shape.valueWidth) / 4}>;`
const loadQuery = (shape: AttentionShape): string => `
  var query: array<Part, width4>;
  ${unrolled(shape.width, (c) => `query[${c}] = Part(q[row * width4 + ${c}] * scale);`)}`

const relInput = (shape: AttentionShape): readonly string[] => (shape.grid ? ["rel"] : [])

/** The largest score so far, and the sum of exp(s − highest) with it. */
const softmaxSoFar = `
  var highest = -3.0e38;
  var weight = 0.0;`
const softmaxStep = `let top = max(highest, max(max(s.x, s.y), max(s.z, s.w)));
      let fade = exp(highest - top);
      let p = exp(s - top);
      weight = weight * fade + p.x + p.y + p.z + p.w;
      highest = top;`

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
    `${softmaxStep}
      ${unrolled(shape.valueWidth, (c) => `sum[${c}] = sum[${c}] * fade + ${fourRows("p", "tileV", "value4", c)};`)}`,
  )}
  if (live) { ${unrolled(shape.valueWidth, (c) => `o[row * value4 + ${c}] = sum[${c}] / weight;`)} }`,
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
  ${keyLoop(shape, false, softmaxStep)}
  var inner = 0.0;
  ${unrolled(shape.valueWidth, (c) => `inner += dot(o[row * value4 + ${c}], g[row * value4 + ${c}]);`)}
  if (live) { moments[row * 2u] = highest + log(weight); moments[row * 2u + 1u] = inner; }`,
})

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
  ${unrolled(shape.valueWidth, (c) => `gradient[${c}] = Part(g[row * value4 + ${c}]);`)}
  let logSum = moments[row * 2u];
  let inner = moments[row * 2u + 1u];
  var sum: array<vec4<f32>, width4>;
  ${shape.grid ? "var byRow: array<f32, gridHeight>; var byColumn: array<f32, gridWidth>;" : ""}
  ${keyLoop(
    shape,
    true,
    `let gv = vec4<f32>()
      ${fourProducts("gradient", "tileV", "value4", shape.valueWidth)};
      let ds = exp(s - logSum) * (gv - inner);
      ${unrolled(shape.width, (c) => `sum[${c}] += ${fourRows("ds", "tileK", "width4", c)};`)}
      ${shape.grid ? [..."xyzw"].map((u) => `byRow[ky.${u}] += ds.${u}; byColumn[kx.${u}] += ds.${u};`).join(" ") : ""}`,
  )}
  if (!live) { return; }
  ${unrolled(shape.width, (c) => `dq[row * width4 + ${c}] = sum[${c}] * scale;`)}
  ${
    shape.grid
      ? `for (var t = 0u; t < gridHeight; t++) { drel[row * terms + t] = byRow[t]; }
  for (var t = 0u; t < gridWidth; t++) { drel[row * terms + gridHeight + t] = byColumn[t]; }`
      : ""
  }`,
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
  ${unrolled(shape.width, (c) => `key[${c}] = Part(k[row * width4 + ${c}]);`)}
  ${unrolled(shape.valueWidth, (c) => `value[${c}] = Part(v[row * value4 + ${c}]);`)}
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
      ${unrolled(shape.width, (c) => `s += product(tileQ[i * width4 + ${c}], key[${c}]);`)}
      ${
        shape.grid
          ? `let at = (image * queries + start + i) * terms;
      s += rel[at + ky] + rel[at + gridHeight + kx];`
          : ""
      }
      var gv = 0.0;
      ${unrolled(shape.valueWidth, (c) => `gv += product(tileG[i * value4 + ${c}], value[${c}]);`)}
      let p = exp(s - tileM[i].x);
      let ds = p * (gv - tileM[i].y);
      ${unrolled(shape.width, (c) => `sumK[${c}] += ds * vec4<f32>(tileQ[i * width4 + ${c}]);`)}
      ${unrolled(shape.valueWidth, (c) => `sumV[${c}] += p * vec4<f32>(tileG[i * value4 + ${c}]);`)}
    }
    workgroupBarrier();
  }
  if (live) {
    ${unrolled(shape.width, (c) => `dk[row * width4 + ${c}] = sumK[${c}];`)}
    ${unrolled(shape.valueWidth, (c) => `dv[row * value4 + ${c}] = sumV[${c}];`)}
  }`,
})
