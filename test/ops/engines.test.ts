/** Every op and its gradient, on tensors and on views, on extents of 1, on every engine of this machine, against the float64 reference. */
import { afterAll, describe, expect, test } from "vitest"
import { backendOf } from "../../src/backends/tfjs/index.ts"
import { ops } from "../../src/compiler/ops/index.ts"
import { runGraph } from "../backends/onnx/session.ts"
import { openEngines } from "../backends/tfjs/engines.ts"
import { type Instance, instances, isOwn, reference, type Tried, tried, type Way, ways } from "./instances.ts"

const engines = await openEngines()
afterAll(async () => {
  for (const engine of engines.values()) await engine.dispose()
})
interface Engine {
  readonly name: string
  readonly run: (of: Tried) => ReturnType<typeof runGraph>
  readonly ways: readonly Way[]
  /** With products beside the op, and every example and edge. */
  readonly beside: boolean
}
const all: readonly Engine[] = [
  { name: "onnxruntime", run: ({ graph, inputs }) => runGraph(graph, inputs, { scores: 16 }), ways, beside: true },
  ...[...engines.values()].map(
    (engine): Engine => ({
      name: `tfjs ${engine.name}`,
      run: async ({ graph, inputs }) => {
        const executable = await backendOf(engine).compile({ graph, state: {} })
        try {
          return await executable.run(inputs)
        } finally {
          await executable.dispose()
        }
      },
      // A software driver compiles a shader for each shape; it keeps nothing by data, and test/backends/tfjs runs the examples.
      ways: engine.name === "webgpu" ? ways.slice(-1) : ways,
      beside: engine.name !== "webgpu",
    }),
  ),
]

/** Sums in float32 of some hundred numbers; WebGPU's own functions are less exact. */
const tolerance = 3e-5

const own = instances.filter(isOwn)
const byOp = [...new Set(own.map(({ op }) => op))].map((op) => [op, own.filter((of) => of.op === op)] as const)

/** Outputs of a kind are as large as their largest: a gradient that is nought by nature is a difference of what others are made of. */
const kindOf = (output: string): string => (/^(y|dx)\d+$/.test(output) ? output[0]! : output)
/** What is wrong with an engine's values, in a line each. */
const faults = async ({ run, beside }: Engine, of: Instance, way: Way): Promise<readonly string[]> => {
  const program = tried(of, way, beside)
  const actual = await run(program).catch((error: unknown) => String(error))
  if (typeof actual === "string") return [`${of.when}: ${actual}`]
  const expected = Object.entries(reference(program))
  const largest: Record<string, number> = {}
  for (const [output, { data }] of expected)
    for (const x of data) largest[kindOf(output)] = Math.max(largest[kindOf(output)] ?? 1e-3, Math.abs(x))
  return expected.flatMap(([output, { shape, data }]) => {
    const got = actual[output]!
    let off = got.data.length === data.length ? 0 : Number.POSITIVE_INFINITY
    got.data.forEach((x, i) => {
      const difference = Math.abs(x - data[i]!) / largest[kindOf(output)]!
      off = Number.isNaN(difference) ? Number.POSITIVE_INFINITY : Math.max(off, difference)
    })
    const same = got.shape.join() === shape.join() && off <= tolerance
    return same ? [] : [`${of.when}: ${output} [${got.shape}] for [${shape}], off by ${off}`]
  })
}

for (const engine of all)
  describe.each(engine.ways.map((way) => [way.name, way] as const))(`${engine.name}, operands %s`, (_, way) => {
    test.each(byOp)("%s", async (_, list) => {
      const found: string[] = []
      const chosen = engine.beside ? list : list.filter(({ edge }) => edge).slice(0, 4)
      for (const of of chosen) found.push(...(await faults(engine, of, way)))
      expect(found).toEqual([])
    })
  })

test("no op is without an example, an edge, or a program that runs it", () => {
  const run = new Set(own.flatMap((of) => tried(of, ways[0]!).graph.nodes.map(({ op }) => op)))
  expect(Object.keys(ops).filter((op) => !run.has(op as keyof typeof ops))).toEqual([])
  for (const record of Object.values(ops))
    expect([record.examples.length > 0, record.edges.length > 0]).toEqual([true, true])
})
