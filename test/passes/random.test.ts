/** Random programs: gradients are right whatever meets whatever, and no pass changes what a program computes. */
import fc from "fast-check"
import { describe, expect, test } from "vitest"
import { Builder, type Value } from "../../src/compiler/ir/builder.ts"
import { evaluate } from "../../src/compiler/ir/evaluate/index.ts"
import { type Graph, type Shape, sizeOf } from "../../src/compiler/ir/graph.ts"
import { parse, print } from "../../src/compiler/ir/text.ts"
import { problemsOf } from "../../src/compiler/ir/verify.ts"
import { decompose, isComposite } from "../../src/compiler/passes/decompose.ts"
import { differentiate } from "../../src/compiler/passes/differentiate.ts"
import { simplify } from "../../src/compiler/passes/rebuild.ts"
import { recompute } from "../../src/compiler/passes/recompute.ts"
import { byDifferences, relativeError, valuesFor } from "../ir/support.ts"

/** A step takes values made so far, and numbers to choose with. Only smooth ops: differences need slopes on both sides. */
type Step = (b: Builder, x: Value, y: Value, n: number) => Value

const rank2 = (b: Builder, x: Value): Value => {
  const shape = b.shapeOf(x)
  return b.reshape(x, shape.length === 0 ? [1, 1] : [sizeOf(shape.slice(0, -1)), shape.at(-1)!])
}
/** y cut or repeated until it has `shape`: whatever two values are, they can meet. */
const fitted = (b: Builder, y: Value, shape: Shape): Value => {
  const size = sizeOf(shape)
  const flat = b.reshape(y, [sizeOf(b.shapeOf(y))])
  const [have] = b.shapeOf(flat) as [number]
  return b.reshape(
    b.gather(
      flat,
      Array.from({ length: size }, (_, i) => i % have),
    ),
    shape,
  )
}
const heads = (b: Builder, x: Value): Value => {
  const flat = rank2(b, x)
  return b.reshape(flat, [1, 1, ...b.shapeOf(flat)])
}
const steps: Readonly<Record<string, Step>> = {
  neg: (b, x) => b.neg(x),
  sin: (b, x) => b.sin(x),
  cos: (b, x) => b.cos(x),
  tanh: (b, x) => b.tanh(x),
  erf: (b, x) => b.erf(x),
  sigmoid: (b, x) => b.sigmoid(x),
  softplus: (b, x) => b.softplus(x),
  gelu: (b, x) => b.gelu(x),
  exp: (b, x) => b.exp(b.tanh(x)),
  log: (b, x) => b.log(b.shift(b.softplus(x), 0.5)),
  sqrt: (b, x) => b.sqrt(b.shift(b.mul(x, x), 0.5)),
  scale: (b, x, _, n) => b.scale(x, (n % 5) / 2 - 1.25),
  shift: (b, x, _, n) => b.shift(x, (n % 5) - 2),
  add: (b, x, y) => b.add(x, fitted(b, y, b.shapeOf(x))),
  sub: (b, x, y) => b.sub(fitted(b, y, b.shapeOf(x)), x),
  square: (b, x) => b.mul(x, x),
  mul: (b, x, y) => b.mul(x, fitted(b, y, b.shapeOf(x).slice(-1))),
  div: (b, x, y) => b.div(x, b.shift(b.sigmoid(fitted(b, y, b.shapeOf(x))), 0.5)),
  outer: (b, x, y) => b.mul(b.tanh(fitted(b, x, [3, 1])), b.tanh(fitted(b, y, [1, 4]))),
  matmul: (b, x, y, n) => {
    const left = b.tanh(rank2(b, x))
    const inner = b.shapeOf(left)[1]!
    return n % 2 === 0
      ? b.matmul(left, fitted(b, y, [inner, 2]))
      : b.matmul(left, fitted(b, y, [3, inner]), { transposeB: true })
  },
  gram: (b, x) => {
    const m = b.tanh(rank2(b, x))
    return b.matmul(m, m, { transposeA: true })
  },
  linear: (b, x, y) => {
    const rows = b.tanh(rank2(b, x))
    return b.linear(rows, fitted(b, y, [2, b.shapeOf(rows)[1]!]), fitted(b, x, [2]))
  },
  softmax: (b, x) => b.softmax(rank2(b, x)),
  layerNorm: (b, x, y) => {
    const width = b.shapeOf(x).at(-1)
    return width === undefined ? x : b.layerNorm(x, fitted(b, y, [width]), fitted(b, x, [width]), { eps: 0.3 })
  },
  attention: (b, x, y) => {
    const q = heads(b, b.tanh(x))
    const k = fitted(b, b.tanh(y), [1, 1, 2, b.shapeOf(q)[3]!])
    return b.attention(q, k, k, { scale: 0.7 })
  },
  relPosAttention: (b, x, y) => {
    const q = fitted(b, b.tanh(x), [1, 1, 6, 2])
    const [th, tw] = [fitted(b, b.tanh(y), [3, 2]), fitted(b, b.tanh(x), [5, 2])]
    return b.relPosAttention(q, fitted(b, b.tanh(y), [1, 1, 6, 2]), q, th, tw, { scale: 0.7, height: 2, width: 3 })
  },
  convolution: (b, x, y, n) => {
    const attrs = { stride: [1 + (n % 2), 1], padding: [1, 0, 0, 1], dilation: [1, 1], groups: 2 } as const
    return b.conv2d(fitted(b, b.tanh(x), [1, 2, 3, 4]), fitted(b, y, [2, 1, 2, 2]), attrs)
  },
  resize: (b, x, _, n) => b.resizeBilinear(fitted(b, x, [1, 1, 2, 3]), { height: 1 + (n % 4), width: 4 }),
  mean: (b, x, _, n) => {
    const rank = b.shapeOf(x).length
    return rank === 0 ? x : b.reduceMean(x, { axes: [n % rank], keepDims: n % 3 === 0 })
  },
  sum: (b, x) => b.tanh(b.reduceSum(x, { axes: b.shapeOf(x).map((_, i) => i), keepDims: false })),
  transpose: (b, x) => b.transpose(rank2(b, x), [1, 0]),
  broadcast: (b, x) => (sizeOf(b.shapeOf(x)) > 24 ? x : b.broadcast(x, [2, ...b.shapeOf(x)])),
  slice: (b, x, _, n) => {
    const flat = b.reshape(x, [sizeOf(b.shapeOf(x))])
    const size = b.shapeOf(flat)[0]!
    return b.slice(flat, [n % size], [size])
  },
  pad: (b, x) => {
    const flat = rank2(b, x)
    return sizeOf(b.shapeOf(flat)) > 24 ? x : b.pad(flat, [1, 0], [0, 2])
  },
  concat: (b, x, y) => {
    const shape = b.shapeOf(rank2(b, x))
    return sizeOf(shape) > 24 ? x : b.concat([rank2(b, x), fitted(b, y, [1, shape[1]!]), rank2(b, x)], 0)
  },
  scatterAdd: (b, x) => b.scatterAdd(fitted(b, x, [3, 2]), { indices: [1, 1, 0], rows: 3 }),
}
const names = Object.keys(steps)
const learning = ["p", "q"]

interface Recipe {
  readonly steps: readonly (readonly [op: string, x: number, y: number, n: number])[]
}
const aRecipe: fc.Arbitrary<Recipe> = fc.record({
  steps: fc.array(fc.tuple(fc.constantFrom(...names), fc.nat(99), fc.nat(99), fc.nat(99)), {
    minLength: 1,
    maxLength: 9,
  }),
})

/** Loss of the last few values, and gradients of what learns. Every third step begins another module. */
const programOf = ({ steps: recipe }: Recipe): { readonly forward: Graph; readonly whole: Graph } => {
  const b = new Builder()
  const values = [b.input("x", [2, 3]), b.parameter("p", [2, 3]), b.parameter("frozen", [3]), b.parameter("q", [3])]
  recipe.forEach(([op, x, y, n], i) => {
    // Later values more often, so that programs grow deep.
    const pick = (k: number) => values[values.length - 1 - (k % Math.min(values.length, 5))]!
    values.push(b.from(`blocks.${Math.floor(i / 3)}`, () => steps[op]!(b, pick(x), pick(y), n)))
  })
  const total = (x: Value) =>
    b.reduceSum(b.sin(b.shift(x, 0.4)), { axes: b.shapeOf(x).map((_, i) => i), keepDims: false })
  const loss = values
    .slice(-3)
    .map(total)
    .reduce((sum, x) => b.add(sum, x))
  const forward = b.build({ loss })
  const { gradients } = differentiate(b, loss, learning)
  const named = [...gradients].map(([name, value]) => [`grad/${name}`, value] as const)
  return { forward, whole: b.build({ loss, ...Object.fromEntries(named) }) }
}
const expectSame = (graph: Graph, other: Graph, tolerance: number): void => {
  expect(problemsOf({ graph: other, state: {} })).toEqual([])
  const values = valuesFor(graph)
  const [expected, got] = [evaluate(graph, values), evaluate(other, values)]
  expect(Object.keys(got)).toEqual(Object.keys(expected))
  for (const [name, { shape, data }] of Object.entries(expected)) {
    expect(got[name]!.shape).toEqual(shape)
    if (tolerance === 0) expect(got[name]!.data).toEqual(data)
    else expect(relativeError(got[name]!.data, data)).toBeLessThan(tolerance)
  }
}
const always = { numRuns: 150, seed: 7 }

test("gradients are those of central differences; what gets none changes nothing", () => {
  fc.assert(
    fc.property(aRecipe, (recipe) => {
      const { forward, whole } = programOf(recipe)
      const values = valuesFor(whole)
      const exact = evaluate(whole, values)
      const lossAt = (at: typeof values): number => evaluate(forward, at)["loss"]!.data[0]!
      for (const name of learning) {
        const numeric = values[name] === undefined ? undefined : byDifferences(lossAt, values, name)
        const gradient = exact[`grad/${name}`]?.data ?? numeric?.map(() => 0)
        if (numeric !== undefined) expect(relativeError(gradient!, numeric)).toBeLessThan(1e-6)
      }
      expect(Object.keys(exact)).not.toContain("grad/frozen")
    }),
    always,
  )
})

describe("no pass changes what a program computes", () => {
  test("simplify, to the last bit, and twice is once", () => {
    fc.assert(
      fc.property(aRecipe, (recipe) => {
        const { whole } = programOf(recipe)
        const simple = simplify(whole)
        expect(simple.nodes.length).toBeLessThanOrEqual(whole.nodes.length)
        expectSame(whole, simple, 0)
        expect(simplify(simple)).toEqual(simple)
      }),
      always,
    )
  })
  test("recompute, to the last bit", () => {
    fc.assert(
      fc.property(aRecipe, fc.subarray(["blocks.0", "blocks.1", "blocks.2"]), (recipe, paths) => {
        const { whole } = programOf(recipe)
        expectSame(whole, recompute(whole, paths), 0)
      }),
      always,
    )
  })
  test("decompose, in chunks of any size, before and after recompute", () => {
    fc.assert(
      fc.property(aRecipe, fc.integer({ min: 1, max: 60 }), (recipe, scores) => {
        const { whole } = programOf(recipe)
        const simple = decompose(whole, { scores })
        expect(simple.nodes.some(({ op }) => isComposite(op))).toBe(false)
        expectSame(whole, simple, 1e-9)
        expectSame(whole, decompose(recompute(whole, ["blocks.0", "blocks.1"]), { scores }), 1e-9)
      }),
      always,
    )
  })
  test("nor does printing and parsing change the program", () => {
    fc.assert(
      fc.property(aRecipe, (recipe) => {
        const program = { graph: decompose(programOf(recipe).whole, { scores: 8 }), state: {} }
        expect(parse(print(program))).toEqual(program)
      }),
      always,
    )
  })
})
