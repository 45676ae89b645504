/** Bilinear resize with half-pixel centres and clamped edges: `from` is the smaller index space's image, one thread a pixel. */
import { type Shape, sizeOf } from "../../../compiler/ir/graph.ts"
import type { WgslKernel } from "./kernel.ts"

const lanes = 64

/** Where along an axis a result's pixel lies, and between which two of the image. */
const placing = `
struct Place { low: u32, high: u32, fraction: f32 }
fn placeOf(at: u32, image: u32, result: u32) -> Place {
  let place = max(0.0, (f32(at) + 0.5) * f32(image) / f32(result) - 0.5);
  let low = min(image - 1u, u32(place));
  return Place(low, min(image - 1u, low + 1u), place - f32(low));
}`

export const resizeBilinear = (from: Shape, to: Shape): WgslKernel => {
  const [n, c, height, width] = to as [number, number, number, number]
  return {
    name: "resizeBilinear",
    extents: { h: from[2]!, w: from[3]!, height, width, size: n * c * height * width },
    inputs: ["x"],
    outputs: [{ name: "y", shape: to }],
    workgroup: lanes,
    groups: Math.ceil(sizeOf(to) / lanes),
    declarations: placing,
    body: `
  let i = group * ${lanes}u + lane;
  if (i >= size) { return; }
  let row = placeOf((i / width) % height, h, height);
  let column = placeOf(i % width, w, width);
  let image = (i / (width * height)) * h;
  let top = mix(x[(image + row.low) * w + column.low], x[(image + row.low) * w + column.high], column.fraction);
  let bottom = mix(x[(image + row.high) * w + column.low], x[(image + row.high) * w + column.high], column.fraction);
  y[i] = mix(top, bottom, row.fraction);`,
  }
}

/** Each pixel of the image gathers from all results that it went into, so nothing is added atomically. */
export const resizeBilinearGrad = (gradient: Shape, image: Shape): WgslKernel => {
  const [n, c, h, w] = image as [number, number, number, number]
  return {
    name: "resizeBilinearGrad",
    extents: { h, w, height: gradient[2]!, width: gradient[3]!, size: n * c * h * w },
    inputs: ["g"],
    outputs: [{ name: "dx", shape: image }],
    workgroup: lanes,
    groups: Math.ceil(sizeOf(image) / lanes),
    declarations: `${placing}
fn weight(at: u32, pixel: u32, image: u32, result: u32) -> f32 {
  let place = placeOf(at, image, result);
  return select(0.0, 1.0 - place.fraction, place.low == pixel) + select(0.0, place.fraction, place.high == pixel);
}
/** First and last result that a pixel can have gone into. */
fn reach(pixel: u32, image: u32, result: u32) -> vec2<u32> {
  let scale = f32(result) / f32(image);
  let first = floor((f32(pixel) - 0.5) * scale - 1.0);
  let last = ceil((f32(pixel) + 1.5) * scale);
  return vec2<u32>(u32(max(first, 0.0)), min(u32(last), result - 1u));
}`,
    body: `
  let i = group * ${lanes}u + lane;
  if (i >= size) { return; }
  let row = (i / w) % h;
  let column = i % w;
  let rows = reach(row, h, height);
  let columns = reach(column, w, width);
  let image = (i / (w * h)) * height;
  var sum = 0.0;
  for (var p = rows.x; p <= rows.y; p++) {
    var across = 0.0;
    for (var q = columns.x; q <= columns.y; q++) {
      across += weight(q, column, w, width) * g[(image + p) * width + q];
    }
    sum += weight(p, row, h, height) * across;
  }
  dx[i] = sum;`,
  }
}
