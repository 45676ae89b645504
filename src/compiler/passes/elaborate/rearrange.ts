/** einops' notation, with static shapes: "b (h w) c -> b c h w" becomes reshape, transpose, reshape. */
import { type Shape, sizeOf } from "../../ir/graph.ts"

type Group = readonly string[]

const parseSide = (side: string): readonly Group[] =>
  [...side.trim().matchAll(/\(([^)]*)\)|(\S+)/g)].map(([, group, single]) =>
    (group ?? single!)
      .trim()
      .split(/\s+/)
      .filter((axis) => axis !== "1"),
  )

type Sides = readonly [left: readonly Group[], right: readonly Group[]]
/** There are few patterns, and each block asks for them again. */
const parsed = new Map<string, Sides>()
/** [left, right] groups of axis names. */
export const parsePattern = (pattern: string): Sides => {
  const known = parsed.get(pattern)
  if (known !== undefined) return known
  const [left, right] = pattern.split("->")
  const sides: Sides = [parseSide(left!), parseSide(right!)]
  parsed.set(pattern, sides)
  return sides
}

export interface Rearrangement {
  /** Every named axis on its own. */
  readonly split: Shape
  readonly perm: readonly number[]
  readonly shape: Shape
}

/** Sizes of the axes of one group, of which at most one is unknown. */
const solve = (
  group: Group,
  extent: number,
  sizes: Readonly<Record<string, number>>,
  pattern: string,
): readonly number[] => {
  const known = sizeOf(group.map((axis) => sizes[axis] ?? 1))
  const unknown = group.filter((axis) => sizes[axis] === undefined)
  if (unknown.length > 1)
    throw new Error(`"${pattern}": the sizes of ${unknown.join(" and ")} cannot both be told from ${extent}`)
  if (unknown.length === 0 ? known !== extent : extent % known !== 0)
    throw new Error(
      `"${pattern}": ${extent} does not split into ${group.map((axis) => sizes[axis] ?? axis).join(" × ") || "1"}`,
    )
  return group.map((axis) => sizes[axis] ?? extent / known)
}

/** What a pattern does to a shape. Throws an Error with one sentence where it does not fit. */
export const rearrangement = (
  pattern: string,
  shape: Shape,
  sizes: Readonly<Record<string, number>> = {},
): Rearrangement => {
  const [left, right] = parsePattern(pattern)
  if (left.length !== shape.length)
    throw new Error(`"${pattern}" is for ${left.length} axes, not for [${shape.join(", ")}]`)
  const split = left.flatMap((group, i) => solve(group, shape[i]!, sizes, pattern))
  const order = left.flat()
  const extentOf = new Map(order.map((axis, i) => [axis, split[i]!]))
  const missing = [
    ...right.flat().filter((axis) => !extentOf.has(axis)),
    ...order.filter((axis) => !right.flat().includes(axis)),
  ]
  if (missing.length > 0) throw new Error(`"${pattern}": ${missing.join(", ")} is on one side only`)
  return {
    split,
    perm: right.flat().map((axis) => order.indexOf(axis)),
    shape: right.map((group) => sizeOf(group.map((axis) => extentOf.get(axis)!))),
  }
}
