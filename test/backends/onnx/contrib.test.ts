/** The CPU graph has no op of onnxruntime's training set: upstream is removing them, and plain builds never had them. */
import { expect, test } from "vitest"
import { lower } from "../../../src/backends/onnx/lower.ts"
import { encodeModel, nodeName, type OnnxModel } from "../../../src/backends/onnx/model.ts"
import { Builder } from "../../../src/compiler/ir/builder.ts"
import { ops } from "../../../src/compiler/ops/index.ts"
import type { Op } from "../../../src/compiler/ops/op.ts"
import { allGradients, forward, training } from "../tfjs/sam.ts"

/** onnxruntime's own ops that inference builds have, and that we use. */
const contributed = ["FusedMatMul"]
const names = ({ nodes }: OnnxModel, own: boolean) =>
  new Set(
    nodes.flatMap(({ op, domain }) =>
      (domain === undefined) === own ? [] : [`${domain ?? ""}${domain ? "." : ""}${op}`],
    ),
  )

/** Every op, with the examples of its record. */
const everyOp = Object.entries(ops as unknown as Readonly<Record<string, Op<any, any>>>).flatMap(
  ([name, { examples }]) =>
    examples.map(({ attrs, inputs }) => {
      const b = new Builder()
      const values = (inputs as readonly (readonly number[])[]).map((shape, i) => b.input(`x${i}`, shape))
      const y = b.emit(name as never, values, attrs as never)
      const parts = b.node(y).parts
      return b.build(parts === undefined ? { y } : Object.fromEntries(parts.map((_, i) => [`y${i}`, b.part(y, i)])))
    }),
)

test.each([
  ["to segment", [forward.graph]],
  ["all gradients", [allGradients.graph]],
  ["a training step", [training.graph]],
  ["every op by itself", everyOp],
] as const)("%s", (_, graphs) => {
  const models = graphs.map((graph) => lower(graph))
  expect(models.length).toBeGreaterThan(0)
  const used = new Set(models.flatMap((model) => [...names(model, true)]))
  expect([...used].filter((name) => !contributed.includes(name.replace("com.microsoft.", "")))).toEqual([])
  // ONNX's ops of training are in a domain of their own, ai.onnx.preview.training; gradients would be named so.
  const plain = models.flatMap((model) => [...names(model, false)])
  expect(plain.filter((name) => /Grad|Optimizer|Adam|Momentum|InPlaceAccumulator/.test(name))).toEqual([])
})

test("nodes say which module they compute, forward and backward, for profiles and viewers", () => {
  const { nodes } = lower(training.graph)
  const modules = new Set(training.graph.nodes.flatMap(({ from }) => (from === undefined ? [] : [from])))
  expect(modules.size).toBeGreaterThan(20)
  expect(new Set(nodes.flatMap(({ from }) => (from === undefined ? [] : [from])))).toEqual(modules)
  const named = nodes.filter(({ from }) => from !== undefined)
  expect(named.length).toBeGreaterThan(nodes.length / 2)
  const file = Buffer.from(encodeModel(lower(training.graph))).toString("latin1")
  expect(named.filter((node) => !file.includes(nodeName(node)))).toEqual([])
})
