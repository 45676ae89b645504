import fc from "fast-check"
import { describe, expect, test } from "vitest"
import { Builder } from "../../src/compiler/ir/builder.ts"
import type { Node, Program } from "../../src/compiler/ir/graph.ts"
import { parse, print } from "../../src/compiler/ir/text.ts"
import { ops } from "../../src/compiler/ops/index.ts"
import { sources } from "../../src/compiler/ops/sources.ts"

/** A norm's gradient, with state. */
const example = (): Program => {
  const b = new Builder()
  const x = b.input("x", [2, 3])
  const w = b.parameter("norm.weight", [3])
  const [dx, dw] = b.from("norm", () => {
    const all = b.layerNormGrad(x, w, x, { eps: 1e-6 })
    return [b.part(all, 0), b.part(all, 1)] as const
  })
  const next = b.sub(w, b.mul(dw, b.scalar(0.5)))
  return {
    graph: b.build({ dx: b.transpose(dx, [1, 0]), "next/norm.weight": next }),
    state: { "norm.weight": "next/norm.weight" },
  }
}

test("a program reads well", () => {
  expect(print(example())).toBe(`%0 [2, 3] = input name="x"
%1 [3] = parameter name="norm.weight"
%2 ([2, 3], [3], [3]) = layerNormGrad %0 %1 %0 eps=0.000001 @ norm
%3 [2, 3] = part %2 index=0 @ norm
%4 [3] = part %2 index=1 @ norm
%5 [] = constant values=[0.5]
%6 [3] = mul %4 %5
%7 [3] = sub %1 %6
%8 [3, 2] = transpose %3 perm=[1,0]
output "dx" %8
output "next/norm.weight" %7
state "norm.weight" "next/norm.weight"
`)
})

const aShape = fc.array(fc.integer({ min: 1, max: 1e6 }), { maxLength: 5 })
const aNumber = fc.oneof(fc.double(), fc.integer(), fc.constant(-0))
const anAttribute = fc.oneof(aNumber, fc.boolean(), fc.string({ unit: "grapheme" }), fc.array(aNumber))
const aName = fc.oneof(fc.string({ unit: "binary" }), fc.constant("blocks.7.attn"))
/** Well-formed lines; what they mean does not matter here. */
const aNode = fc.record(
  {
    op: fc.constantFrom(...Object.keys({ ...sources, ...ops })),
    inputs: fc.array(fc.nat(999), { maxLength: 7 }),
    attrs: fc.dictionary(fc.stringMatching(/^[a-z]\w{0,8}$/), anAttribute, { noNullPrototype: true }),
    shapes: fc.array(aShape, { minLength: 1, maxLength: 3 }),
    several: fc.boolean(),
    from: fc.option(aName, { nil: undefined }),
    copy: fc.option(fc.nat(99), { nil: undefined }),
  },
  { requiredKeys: ["op", "inputs", "attrs", "shapes", "several"] },
)
const aProgram: fc.Arbitrary<Program> = fc
  .record({
    nodes: fc.array(aNode),
    outputs: fc.array(fc.record({ name: aName, value: fc.nat(999) }, { noNullPrototype: true })),
    state: fc.dictionary(
      aName.filter((name) => name !== "__proto__"),
      aName,
      { noNullPrototype: true },
    ),
  })
  .map(({ nodes, outputs, state }) => ({
    graph: {
      nodes: nodes.map(
        ({ op, inputs, attrs, shapes, several, from, copy }) =>
          ({
            op,
            inputs,
            attrs,
            shape: shapes[0],
            ...(several ? { parts: shapes } : {}),
            ...(from === undefined ? {} : { from }),
            ...(copy === undefined ? {} : { copy }),
          }) as unknown as Node,
      ),
      outputs,
    },
    state,
  }))

test("every program prints and parses to itself", () => {
  fc.assert(
    fc.property(aProgram, (program) => {
      expect(parse(print(program))).toStrictEqual(program)
    }),
    { numRuns: 500 },
  )
})

test("long constants are cut short for reading, and then do not parse", () => {
  const b = new Builder()
  const program: Program = { graph: b.build({ y: b.constant([1, 2, 3, 4, 5], [5]) }), state: {} }
  const short = print(program, { longest: 2 })
  expect(short).toContain("values=[1,2,…5]")
  expect(() => parse(short)).toThrow(/^line 1 is not a line of a program/)
})

describe("what is not a program's text is refused, with its line", () => {
  const lines = {
    "another language": "x = y + 1",
    "an id out of order": "%1 [] = input",
    "no shape": "%0 = input",
    "a shape that is not one": "%0 [1,,2] = input",
    "an attribute that is not JSON": "%0 [] = scale by=one",
    "an output without a value": 'output "y"',
    "an open string": 'output "y %0',
  }
  for (const [name, line] of Object.entries(lines))
    test(name, () => {
      expect(() => parse(`\n${line}`)).toThrow(/^line 2 is not a line of a program/)
    })
})
