/** Fewer axes for the same work: tfjs's kernels stop at rank 4 to 6, and neighbouring axes that are treated alike are one axis. */
import type { Shape } from "../../../compiler/ir/graph.ts"

/** A shape with ones in front, `rank` long. */
export const atRank = (shape: Shape, rank: number): Shape => [...Array(rank - shape.length).fill(1), ...shape]

export const broadcastShape = (a: Shape, b: Shape): Shape => {
  const rank = Math.max(a.length, b.length)
  const [left, right] = [atRank(a, rank), atRank(b, rank)]
  return left.map((extent, axis) => (extent === 1 ? right[axis]! : extent))
}

/** Merges neighbouring axes for which `alike(axis − 1, axis)` holds; gives, for each new axis, the old ones. */
export const groupAxes = (rank: number, alike: (before: number, axis: number) => boolean): readonly number[][] => {
  const groups: number[][] = []
  for (let axis = 0; axis < rank; axis++) {
    const last = groups.at(-1)
    if (last && alike(axis - 1, axis)) last.push(axis)
    else groups.push([axis])
  }
  return groups
}

export const mergedShape = (shape: Shape, groups: readonly (readonly number[])[]): Shape =>
  groups.map((group) => group.reduce((product, axis) => product * shape[axis]!, 1))

/** Two operands that broadcast, with every run of axes that broadcasts the same way made one. */
export const mergeBroadcast = (a: Shape, b: Shape): readonly [Shape, Shape] => {
  const out = broadcastShape(a, b)
  const [left, right] = [atRank(a, out.length), atRank(b, out.length)]
  const pattern = (axis: number) => `${left[axis] === out[axis]} ${right[axis] === out[axis]}`
  const groups = groupAxes(out.length, (before, axis) => pattern(before) === pattern(axis))
  return [mergedShape(left, groups), mergedShape(right, groups)]
}

/** A transposition without axes of extent 1, and with axes that stay together made one. */
export const mergeTranspose = (shape: Shape, perm: readonly number[]): { shape: Shape; perm: readonly number[] } => {
  const kept = perm.filter((axis) => shape[axis] !== 1)
  const live = [...kept].sort((a, b) => a - b)
  const runs = groupAxes(kept.length, (before, at) => live.indexOf(kept[at]!) === live.indexOf(kept[before]!) + 1)
  const blocks = runs.map((run) => run.map((at) => kept[at]!))
  const inOrder = [...blocks].sort((a, b) => a[0]! - b[0]!)
  return { shape: mergedShape(shape, inOrder), perm: blocks.map((block) => inOrder.indexOf(block)) }
}

export const rowMajorStrides = (shape: Shape): readonly number[] => {
  const strides: number[] = Array(shape.length).fill(1)
  for (let axis = shape.length - 2; axis >= 0; axis--) strides[axis] = strides[axis + 1]! * shape[axis + 1]!
  return strides
}
