/** Arrays of JAX and TensorFlow as PyTorch lays them out: a layer's inputs before its outputs become outputs before inputs. */
import { type Shape, sizeOf, type Tensor } from "../../compiler/ir/graph.ts"

const zeros = (shape: Shape): Float32Array => new Float32Array(sizeOf(shape))

/** [in, out], axes of heads among either of them → [out, in]; the model says how many are out. */
const linear = ({ shape, data }: Tensor, to: Shape): Tensor | undefined => {
  const [out, inside] = to
  if (to.length !== 2 || shape.length < 2 || out! * inside! !== data.length) return undefined
  // Heads stand side by side: some of the axes, counted from the left, are all of the inputs.
  if (!shape.some((_, i) => sizeOf(shape.slice(0, i)) === inside)) return undefined
  const turned = zeros(to)
  for (let i = 0; i < inside!; i++) for (let o = 0; o < out!; o++) turned[o * inside! + i] = data[i * out! + o]!
  return { shape: to, data: turned }
}

/** [height, width, in, out] → [out, in, height, width]. */
const convolution = ({ shape, data }: Tensor, to: Shape): Tensor | undefined => {
  const [h, w, inside, out] = shape
  if (shape.length !== 4 || [out, inside, h, w].join() !== to.join()) return undefined
  const turned = zeros(to)
  const places = h! * w!
  for (let p = 0; p < places; p++)
    for (let i = 0; i < inside!; i++)
      for (let o = 0; o < out!; o++) turned[(o * inside! + i) * places + p] = data[(p * inside! + i) * out! + o]!
  return { shape: to, data: turned }
}

/** Axes of one, and of heads, go: [1, 1, 1, c] and [heads, c / heads] → [c]. */
const flat = ({ data }: Tensor, to: Shape): Tensor | undefined =>
  to.length === 1 && to[0] === data.length ? { shape: to, data } : undefined

/** Where `to` points of a line lie on one of `from`, first on first and last on last, as SciPy's zoom of order 1. */
const along = (from: number, to: number): readonly (readonly [low: number, part: number])[] =>
  Array.from({ length: to }, (_, i) => {
    const at = to === 1 ? 0 : (i * (from - 1)) / (to - 1)
    const low = Math.min(Math.floor(at), Math.max(0, from - 2))
    return [low, at - low]
  })

/**
 * Positions of a square of patches behind that of the class, [1, 1 + n, c] → [1, m, c]: the class's goes, and another square is interpolated as TransUNet's loader does.
 */
const positions = ({ shape, data }: Tensor, to: Shape): Tensor | undefined => {
  const [, count = 0, features = 0] = shape
  const [, wanted = 0] = to
  if (shape.length !== 3 || to.length !== 3 || shape[0] !== 1 || to[0] !== 1 || to[2] !== features) return undefined
  if (count === wanted) return { shape: to, data }
  const [from, side] = [Math.sqrt(count - 1), Math.sqrt(wanted)]
  if (!Number.isInteger(from) || !Number.isInteger(side)) return undefined
  const grid = data.subarray(features)
  const turned = zeros(to)
  const at = (y: number, x: number, c: number) =>
    grid[(Math.min(y, from - 1) * from + Math.min(x, from - 1)) * features + c]!
  for (const [y, [top, down]] of along(from, side).entries())
    for (const [x, [left, right]] of along(from, side).entries())
      for (let c = 0; c < features; c++) {
        const upper = at(top, left, c) * (1 - right) + at(top, left + 1, c) * right
        const lower = at(top + 1, left, c) * (1 - right) + at(top + 1, left + 1, c) * right
        turned[(y * side + x) * features + c] = upper * (1 - down) + lower * down
      }
  return { shape: to, data: turned }
}

/** By the names that a map gives them: a tensor, and the shape that the model has → the model's tensor; undefined where it does not become that. */
export const turns = { linear, convolution, flat, positions } as const satisfies Record<
  string,
  (tensor: Tensor, to: Shape) => Tensor | undefined
>
export type Turn = keyof typeof turns
