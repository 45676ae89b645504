import fc from "fast-check"
import { describe, expect, test } from "vitest"
import { Builder } from "../../src/compiler/ir/builder.ts"
import { parse } from "../../src/compiler/ir/text.ts"
import { rebuild } from "../../src/compiler/passes/rebuild.ts"

const start = () => {
  const b = new Builder()
  return { b, x: b.input("x", [2, 3]) }
}

describe("equal nodes are one", () => {
  test("constants, reshapes, products", () => {
    const { b, x } = start()
    expect(b.constant([1, 2, 3], [3])).toBe(b.constant([1, 2, 3], [3]))
    expect(b.reshape(x, [6])).toBe(b.reshape(x, [6]))
    expect(b.add(x, x)).toBe(b.add(x, x))
    expect(b.parameter("w", [3])).toBe(b.parameter("w", [3]))
  })
  test("from whichever module they come: the first keeps it", () => {
    const { b, x } = start()
    const first = b.from("blocks.0", () => b.exp(x))
    expect(b.from("blocks.1", () => b.exp(x))).toBe(first)
    expect(b.node(first).from).toBe("blocks.0")
  })
  test("but not copies", () => {
    const { b, x } = start()
    const [once, again] = [b.exp(x), b.copy(2, () => b.exp(x))]
    expect(again).not.toBe(once)
    expect(b.copy(2, () => b.exp(x))).toBe(again)
  })
  test("nor attributes, shapes or operands that differ", () => {
    const { b, x } = start()
    const y = b.input("y", [2, 3])
    const values = [
      b.scale(x, 2),
      b.scale(x, 3),
      b.shift(x, 2),
      b.sub(x, y),
      b.sub(y, x),
      b.constant([0], [2]),
      b.constant([0], [3]),
      b.matmul(x, y, { transposeB: true }),
      b.matmul(y, x, { transposeB: true }),
    ]
    expect(new Set(values).size).toBe(values.length)
  })
  test("nor numbers that JSON has no word for", () => {
    const { b, x } = start()
    const numbers = [0, -0, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, Number.NaN]
    const values = numbers.flatMap((n) => [b.constant([n], []), b.constant([1, n], [2]), b.equals(x, n)])
    expect(new Set(values).size).toBe(values.length)
    numbers.forEach((n, i) => expect(b.constant([n], [])).toBe(values[3 * i]))
  })
  test("long lists are compared by what is in them, not by which list they are", () => {
    const { b } = start()
    const table = b.input("table", [7, 2])
    const rows = (last: number) => [...Array.from({ length: 300 }, (_, i) => i % 7), last]
    const values = [0, 0, 1].map((last) => b.gather(table, rows(last)))
    expect(values[1]).toBe(values[0])
    expect(values[2]).not.toBe(values[0])
  })
  test("whatever numbers they hold", () => {
    const number = fc.oneof(fc.double(), fc.constantFrom(0, -0, 1, Number.NaN, Number.POSITIVE_INFINITY))
    fc.assert(
      fc.property(fc.array(number, { minLength: 1, maxLength: 3 }), fc.array(number, { minLength: 1 }), (p, q) => {
        const b = new Builder()
        const same = p.length === q.length && p.every((n, i) => Object.is(n, q[i]))
        const [one, other] = [b.constant(p, [p.length]), b.constant(q, [q.length])]
        expect(one === other).toBe(same)
      }),
    )
  })
})

test("steps that change nothing are left out", () => {
  const { b, x } = start()
  const same = [
    b.reshape(x, [2, 3]),
    b.reshape(b.reshape(x, [6]), [2, 3]),
    b.transpose(x, [0, 1]),
    b.broadcast(x, [2, 3]),
    b.slice(x, [0, 0], [2, 3]),
    b.pad(x, [0, 0], [0, 0]),
    b.scale(x, 1),
    b.shift(x, 0),
    b.concat([x], 1),
    b.reduceSum(x, { axes: [], keepDims: true }),
  ]
  expect(same).toEqual(same.map(() => x))
  const whole = b.reshape(b.reshape(x, [6]), [3, 2])
  expect(b.node(whole).inputs).toEqual([x])
})

describe("modules", () => {
  test("are nested, and left even when something fails", () => {
    const { b, x } = start()
    const y = b.from("outer", () => {
      expect(() => b.from("inner", () => b.reshape(x, [5]))).toThrow()
      return b.exp(x)
    })
    expect(b.node(y).from).toBe("outer")
    expect(b.node(b.neg(y)).from).toBeUndefined()
  })
  test("sources belong to none, parts to that of the whole", () => {
    const { b, x } = start()
    const w = b.from("norm", () => b.parameter("norm.weight", [3]))
    expect(b.node(w).from).toBeUndefined()
    const all = b.from("norm", () => b.layerNormGrad(x, w, x, { eps: 1e-6 }))
    expect(b.node(b.from("elsewhere", () => b.part(all, 2)))).toMatchObject({ from: "norm", shape: [3] })
  })
})

test("a builder goes on where a graph ends: its ids stay valid, equal nodes are shared", () => {
  const { b, x } = start()
  const y = b.exp(x)
  const next = Builder.of(b.build({ y }))
  expect(next.exp(x)).toBe(y)
  expect(next.exp(y)).toBe(y + 1)
  expect(b.nodes).toHaveLength(y + 1)
})

test("a graph in which equal nodes were not shared keeps them apart", () => {
  const { graph } = parse(
    '%0 [2] = input name="x"\n%1 [2] = exp %0\n%2 [2] = exp %0\n%3 [2] = add %1 %2\noutput "y" %3',
  )
  const b = Builder.of(graph)
  expect(b.build({ y: 3 })).toEqual(graph)
  expect(b.exp(0)).toBe(1)
})

test("building again keeps the outputs in their order, whatever their names", () => {
  const { graph } = parse('%0 [2] = input name="x"\noutput "z" %0\noutput "1" %0\noutput "0" %0')
  expect(rebuild(graph)).toEqual(graph)
})

test("what is wrong inside says so", () => {
  const { b, x } = start()
  expect(() => b.exp(99)).toThrow(/^internal: there is no value 99/)
  expect(() => b.constant([1, 2], [3])).toThrow(/^internal: 2 values for a constant \[3\]/)
  expect(() => b.part(x, 0)).toThrow(/^internal: value 0 has no part 0/)
})
