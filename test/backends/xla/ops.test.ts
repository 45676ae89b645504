/** Every op as StableHLO, run by a PJRT plugin, against the float64 reference. All cases are one program: one compilation. */
import { describe, expect, test } from "vitest"
import { xla } from "../../../src/backends/xla/engine.ts"
import { evaluate } from "../../../src/compiler/ir/evaluate/index.ts"
import type { OpKind, Tensor, Tensors } from "../../../src/compiler/ir/graph.ts"
import { ops } from "../../../src/compiler/ops/index.ts"
import { difference } from "../onnx/session.ts"
import { windows } from "../onnx/windows.ts"
import { cases } from "../tfjs/cases.ts"
import { probed } from "../tfjs/probed.ts"
import { absent, quick } from "./plugin.ts"
import { together } from "./together.ts"

const all = [...cases, ...windows, ...probed]

const prefixed = (i: number, tensors: Tensors): readonly (readonly [string, Tensor])[] =>
  Object.entries(tensors).map(([name, tensor]) => [`${i}/${name}`, tensor] as const)

describe.skipIf(absent !== undefined)("ops through a PJRT plugin", () => {
  const run = (async () => {
    const program = { graph: together(all.map(({ graph }) => graph)), state: {} }
    const executable = await xla({ cache: false, env: quick }).compile(program)
    try {
      const named = Object.fromEntries(all.flatMap(({ inputs }, i) => prefixed(i, inputs)))
      const parameters = new Set(
        program.graph.nodes.flatMap((node) => (node.op === "parameter" ? [node.attrs.name] : [])),
      )
      const of = (parameter: boolean) =>
        Object.fromEntries(Object.entries(named).filter(([name]) => parameters.has(name) === parameter))
      await executable.load(of(true))
      return await executable.run(of(false))
    } finally {
      await executable.dispose()
    }
  })()
  run.catch(() => {})

  test.each(all.map((of, i) => [of.name, i, of] as const))("%s", async (_, i, { graph, inputs, tolerance }) => {
    const actual = await run
    const plain = Object.fromEntries(Object.entries(inputs).map(([name, { data }]) => [name, data]))
    for (const [name, expected] of Object.entries(evaluate(graph, plain))) {
      expect(actual[`${i}/${name}`]!.shape).toEqual(expected.shape)
      expect(difference(actual[`${i}/${name}`]!.data, expected.data), name).toBeLessThanOrEqual(tolerance)
    }
  })
  test("every op that has operands is among them", () => {
    const seen = new Set<OpKind>(all.flatMap(({ graph }) => graph.nodes.map(({ op }) => op)))
    expect(Object.keys(ops).filter((op) => !seen.has(op as OpKind))).toEqual([])
  })
})
