import { describe, expect, test } from "vitest"
import { Builder } from "../../src/compiler/ir/builder.ts"
import type { Node, Program } from "../../src/compiler/ir/graph.ts"
import { problemsOf, verified } from "../../src/compiler/ir/verify.ts"

/** x [2, 3] → layerNormGrad parts, added up again; w is state. */
const good = (): Program => {
  const b = new Builder()
  const x = b.input("x", [2, 3])
  const w = b.parameter("w", [3])
  const all = b.layerNormGrad(x, w, x, { eps: 1e-6 })
  const y = b.add(b.part(all, 0), b.mul(x, b.part(all, 1)))
  return { graph: b.build({ y, next: b.add(w, b.part(all, 2)) }), state: { w: "next" } }
}
const nodeOf = ({ graph }: Program, op: string): number => graph.nodes.findIndex((node) => node.op === op)
/** The program with some fields of one node changed. */
const change = (program: Program, id: number, fields: object): Program => ({
  ...program,
  graph: {
    ...program.graph,
    nodes: program.graph.nodes.map((node, i) => (i === id ? ({ ...node, ...fields } as Node) : node)),
  },
})

test("a program has no problems, and is given back", () => {
  const program = good()
  expect(problemsOf(program)).toEqual([])
  expect(verified(program, "test")).toBe(program)
})

describe("a broken program is rejected", () => {
  const program = good()
  const [mul, add, part] = [nodeOf(program, "mul"), nodeOf(program, "add"), nodeOf(program, "part")]
  const norm = nodeOf(program, "layerNormGrad")
  const { graph } = program
  const cases: Readonly<Record<string, readonly [Program, RegExp]>> = {
    "an operand after its use": [change(program, mul, { inputs: [0, add] }), /uses %\d+, which is not before it/],
    "itself as operand": [change(program, mul, { inputs: [0, mul] }), /not before it/],
    "an operand that is nowhere": [change(program, mul, { inputs: [0, 99] }), /%99/],
    "half an operand": [change(program, mul, { inputs: [0, 0.5] }), /%0.5/],
    "too few operands": [change(program, mul, { inputs: [0] }), /takes 2 operands, not 1/],
    "an unknown op": [change(program, mul, { op: "multiply" }), /no such op/],
    "another shape than the rule's": [change(program, mul, { shape: [3, 2] }), /\[3, 2\], but the rule gives \[2, 3\]/],
    "shapes that do not fit": [change(program, 1, { shape: [4] }), /layerNormGrad: a norm of \[4\] does not fit/],
    "a part that is not there": [change(program, part, { attrs: { index: 3 } }), /no part 3/],
    "a part of a whole": [change(program, part, { inputs: [0] }), /no part 0 in a input/],
    "a part's other shape": [change(program, part, { shape: [3] }), /but the part is \[2, 3\]/],
    "all parts as one operand": [change(program, mul, { inputs: [0, norm] }), /instead of a part/],
    "other parts than the rule's": [change(program, norm, { parts: [[2, 3]] }), /other parts/],
    "no parts": [change(program, norm, { parts: undefined }), /other parts/],
    "an extent of zero": [change(program, 0, { shape: [0, 3] }), /cannot be \[0, 3\]/],
    "a name twice": [change(program, 1, { attrs: { name: "x" } }), /"x" is an input or parameter twice/],
    "no name": [change(program, 0, { attrs: { name: "" } }), /has no name/],
    "an output twice": [
      { ...program, graph: { ...graph, outputs: [...graph.outputs, graph.outputs[0]!] } },
      /"y" is an output twice/,
    ],
    "an output that is nowhere": [
      { ...program, graph: { ...graph, outputs: [...graph.outputs, { name: "z", value: 99 }] } },
      /output "z" is %99/,
    ],
    "an output of several parts": [
      { ...program, graph: { ...graph, outputs: [...graph.outputs, { name: "z", value: norm }] } },
      /output "z" is all of a layerNormGrad/,
    ],
    "state that is not held": [{ ...program, state: { v: "next" } }, /state "v" is no input or parameter/],
    "state that is not given": [{ ...program, state: { w: "later" } }, /"later", which is no output/],
    "state that changes its shape": [{ ...program, state: { w: "y" } }, /would become \[2, 3\]/],
  }
  for (const [name, [broken, message]] of Object.entries(cases))
    test(name, () => {
      expect(problemsOf(broken).join("\n")).toMatch(message)
      expect(() => verified(broken, "test")).toThrow(/^internal: not a program after test/)
    })

  test("a constant of the wrong length", () => {
    const b = new Builder()
    const y = b.neg(b.constant([1, 2, 3], [3]))
    const broken = change({ graph: b.build({ y }), state: {} }, 0, { shape: [4] })
    expect(problemsOf(broken)[0]).toMatch(/3 values for \[4\]/)
  })
})
