/**
 * einops' patterns as chains of tensor methods that no batch size enters:
 * "b n (heads c) -> b heads n c" becomes .unflatten(2, (8, -1)).transpose(1, 2).
 */
import { parsePattern } from "../../compiler/passes/elaborate/rearrange.ts"

export type Method = readonly [name: string, args: string]
type Group = readonly string[]
type SizeOf = (axis: string) => string | undefined

/** Axes that lie side by side in `order`, as one. */
const together = (group: Group, order: Group): boolean =>
  group.length > 1 && group.every((axis, k) => order.indexOf(axis) === order.indexOf(group[0]!) + k)

const unflatten = (i: number, group: Group, size: SizeOf): Method => [
  "unflatten",
  `${i}, (${group.map((axis) => size(axis) ?? "-1").join(", ")})`,
]

/** Named axes in another order. */
const reordered = (from: Group, to: Group): readonly Method[] => {
  const axes = to.map((axis) => from.indexOf(axis))
  const moved = axes.flatMap((axis, i) => (axis === i ? [] : [i]))
  if (moved.length === 0) return []
  return moved.length === 2 ? [["transpose", moved.join(", ")]] : [["permute", axes.join(", ")]]
}

type Sides = readonly [left: readonly Group[], right: readonly Group[]]
/** Axes of extent 1 at the beginning of both sides are axes like others. */
const namedOnes = ([left, right]: Sides): Sides => {
  const ones = (side: readonly Group[]) => [...side, ["end"]].findIndex((group) => group.length > 0)
  const common = Math.min(ones(left), ones(right))
  const named = (side: readonly Group[]) => side.map((group, i) => (i < common ? [`1:${i}`] : group))
  return [named(left), named(right)]
}

/** Method calls, in order. `size` prints the size of an axis that the pattern was given. */
export const rearrangeMethods = (pattern: string, size: SizeOf): readonly Method[] => {
  const [left, right] = namedOnes(parsePattern(pattern))
  // What stays together needs no splitting before axes move, or is merged before they do.
  const mergesNone = right.every((group) => group.length < 2)
  const late = mergesNone ? left.filter((group) => together(group, right.flat())) : []
  const early = late.length > 0 ? [] : right.filter((group) => together(group, left.flat()))
  const joined = (group: Group) => group.join(" ")

  const methods: Method[] = []
  let order: readonly string[] = []
  // From the last axis on, so that the numbers of axes before stay right.
  for (let i = left.length - 1; i >= 0; i--) {
    const group = left[i]!
    if (group.length === 0) methods.push(["squeeze", `${i}`])
    if (group.length > 1 && !late.includes(group)) methods.push(unflatten(i, group, size))
    order = [...(late.includes(group) ? [joined(group)] : group), ...order]
  }
  for (const group of early) {
    const i = order.indexOf(group[0]!)
    methods.push(["flatten", i + group.length === order.length ? `${i}` : `${i}, ${i + group.length - 1}`])
    order = [...order.slice(0, i), joined(group), ...order.slice(i + group.length)]
  }

  const lateOf = (axis: string) => late.find((group) => group.includes(axis))
  const target = right.flatMap((group) =>
    early.includes(group)
      ? [joined(group)]
      : group.flatMap((axis) => {
          const of = lateOf(axis)
          return of === undefined ? [axis] : of[0] === axis ? [joined(of)] : []
        }),
  )
  methods.push(...reordered(order, target))
  const place = (group: Group) => target.indexOf(joined(group))
  for (const group of late.toSorted((a, b) => place(b) - place(a))) methods.push(unflatten(place(group), group, size))

  right.forEach((group, i) => {
    if (group.length === 0) methods.push(["unsqueeze", `${i}`])
    if (group.length > 1 && !early.includes(group)) {
      const rest = right.slice(i + 1).reduce((n, g) => n + (early.includes(g) ? 1 : g.length), 0)
      methods.push(["flatten", rest === 0 ? `${i}` : `${i}, ${i + group.length - 1}`])
    }
  })
  return methods
}
