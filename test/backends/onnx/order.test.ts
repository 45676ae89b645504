/** onnxruntime keeps our order and our plan of memory, by its own profile. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { InferenceSession, Tensor as OrtTensor } from "onnxruntime-node"
import { afterAll, expect, test } from "vitest"
import { sessionOptions } from "../../../src/backends/onnx/engine.ts"
import { kept, lower } from "../../../src/backends/onnx/lower.ts"
import { encodeModel, nodeName, type OnnxNode } from "../../../src/backends/onnx/model.ts"
import { inFileOrder } from "../../../src/backends/onnx/order.ts"
import type { Graph } from "../../../src/compiler/ir/graph.ts"
import { sizeOf } from "../../../src/compiler/ir/graph.ts"
import { decompose } from "../../../src/compiler/passes/decompose.ts"
import { schedule } from "../../../src/compiler/passes/schedule.ts"
import { allGradients, training } from "../tfjs/sam.ts"

const folder = mkdtempSync(join(tmpdir(), "hasam-order-"))
afterAll(() => rmSync(folder, { recursive: true }))

interface Event {
  readonly name: string
  readonly cat: string
  readonly ts: number
  readonly args: { readonly mem_bytes_requested_in_use?: string; readonly output_size?: string }
}
/** What ran, first to last, and the most bytes that were in use. */
const profile = async (graph: Graph, scores: number, options: object = {}) => {
  const model = lower(graph, { scores })
  const prefix = join(folder, `${readdirSync(folder).length}`)
  const session = await InferenceSession.create(encodeModel(model), {
    ...sessionOptions(1, false),
    enableProfiling: true,
    profileFilePrefix: prefix,
    ...options,
  } as InferenceSession.SessionOptions)
  const feeds = graph.nodes.flatMap(({ op, attrs, shape }) =>
    op === "input" || op === "parameter"
      ? [[attrs.name, new OrtTensor("float32", new Float32Array(sizeOf(shape)).fill(0.1), shape)] as const]
      : [],
  )
  await session.run(Object.fromEntries(feeds))
  session.endProfiling()
  await session.release()
  const file = readdirSync(folder).find((name) => join(folder, name).startsWith(prefix))!
  const events = (JSON.parse(readFileSync(join(folder, file), "utf8")) as Event[])
    .filter(({ cat, name }) => cat === "Node" && name.endsWith("_kernel_time"))
    .sort((a, b) => a.ts - b.ts)
  return {
    model,
    ran: events.map(({ name }) => name.slice(0, -"_kernel_time".length)),
    peak: Math.max(...events.map(({ args }) => Number(args.mem_bytes_requested_in_use))),
  }
}
const isProbe = (name: string) => name.startsWith("_probe")
const ours = (nodes: readonly OnnxNode[]): readonly string[] =>
  nodes
    .map(nodeName)
    .filter((name) => !isProbe(name))
    .reverse()

/** Twelve query rows of a head of the global block at a time, two windows: a session of a row each has thousands of nodes, and takes half a minute. */
const few = 200
const chunked = profile(training.graph, few)
chunked.catch(() => {})

test.each([
  ["a training step", () => profile(training.graph, 1 << 20)],
  ["a training step in many chunks", () => chunked],
  ["all gradients", () => profile(allGradients.graph, few)],
] as const)("%s runs in our order", async (_, profiled) => {
  const { model, ran } = await profiled()
  expect(ran.filter((name) => !isProbe(name))).toEqual(ours(model.nodes))
})

test("without probes the order would be another: they are needed", async () => {
  const { model, ran } = await chunked
  const reversed = [...ours(model.nodes)].reverse()
  expect(ran.filter(isProbe).length).toBeGreaterThan(10)
  expect(ran.filter(isProbe).length).toBeLessThan(reversed.length / 3)
})

test("memory in use is what the plan says", async () => {
  const { peak } = await chunked
  const next = new Set(Object.values(training.state))
  const planned = schedule(decompose(training.graph, { keep: kept, scores: few }), next).peak
  expect(peak / planned).toBeGreaterThan(0.9)
  expect(peak / planned).toBeLessThan(1.1)
})

test("a chain of nodes needs one probe for each stretch, and ends with its last", () => {
  const chain = Array.from({ length: 100 }, (_, i) => ({ op: "Neg", inputs: [`v${i}`], outputs: [`v${i + 1}`] }))
  const file = inFileOrder(chain)
  expect(file.slice(0, 100)).toEqual([...chain].reverse())
  expect(file.slice(100).map(({ op, inputs }) => [op, ...inputs])).toEqual([
    ["Size", "v100"],
    ["Size", "v64"],
  ])
})
