/** simplify: gradients of slices that were one tensor stand beside one another. */
import { expect, test } from "vitest"
import { Builder, type Value } from "../../src/compiler/ir/builder.ts"
import { evaluate } from "../../src/compiler/ir/evaluate/index.ts"
import { simplify } from "../../src/compiler/passes/rebuild.ts"

const shape = [2, 6, 3] as const
/** A part of x along an axis, scaled, with zeros where the rest was. */
const part = (b: Builder, x: Value, axis: number, start: number, end: number, by: number): Value => {
  const at = (value: number, other: readonly number[]) => other.map((n, i) => (i === axis ? value : n))
  const cut = b.slice(x, at(start, [0, 0, 0]), at(end, shape))
  return b.pad(b.scale(cut, by), at(start, [0, 0, 0]), at(shape[axis]! - end, [0, 0, 0]))
}
const cases: Readonly<Record<string, readonly [pads: number, build: (b: Builder, x: Value) => Value]>> = {
  "three parts, first to last": [
    0,
    (b, x) => b.add(b.add(part(b, x, 1, 0, 2, 2), part(b, x, 1, 2, 3, 3)), part(b, x, 1, 3, 6, 4)),
  ],
  "last to first": [0, (b, x) => b.add(part(b, x, 0, 1, 2, 2), part(b, x, 0, 0, 1, 3))],
  "with zeros left at the ends": [1, (b, x) => b.add(part(b, x, 1, 1, 3, 2), part(b, x, 1, 3, 5, 3))],
  "a gap between them": [2, (b, x) => b.add(part(b, x, 1, 0, 2, 2), part(b, x, 1, 3, 6, 3))],
  "one over the other": [2, (b, x) => b.add(part(b, x, 1, 0, 4, 2), part(b, x, 1, 3, 6, 3))],
  "along two axes": [2, (b, x) => b.add(part(b, x, 0, 0, 1, 2), part(b, x, 1, 0, 3, 3))],
}

test.each(Object.entries(cases))("%s", (_, [pads, build]) => {
  const b = new Builder()
  const graph = b.build({ y: build(b, b.input("x", shape)) })
  const simple = simplify(graph)
  expect(simple.nodes.filter(({ op }) => op === "pad").length).toBe(pads)
  const x = Float64Array.from({ length: 36 }, (_, i) => Math.sin(1 + i))
  expect(evaluate(simple, { x })).toEqual(evaluate(graph, { x }))
})
