/** What each engine can do, op by op and by the attributes that change how: found by lowering small programs, not by claims. */
import { Builder } from "../../compiler/ir/builder.ts"
import type { Graph, Shape } from "../../compiler/ir/graph.ts"
import { type Computed, ops } from "../../compiler/ops/index.ts"
import { defaultLimits } from "./device.ts"
import type { EngineName } from "./kernels.ts"
import { kernelShapes } from "./lower/shapes.ts"
import { trace } from "./trace.ts"

/** A small instance of an op, for a case of its attributes. */
export interface Probe {
  readonly when?: string
  readonly attrs: unknown
  readonly inputs: readonly Shape[]
}
export const probesOf = (op: Computed): readonly Probe[] => ops[op].examples as readonly Probe[]

/** The probe as a program that gives every part. */
export const probeGraph = (op: Computed, { attrs, inputs }: Probe): Graph => {
  const b = new Builder()
  const ids = inputs.map((shape, at) => b.input(`in${at}`, shape))
  const value = b.emit(op, ids, attrs as never)
  const parts = b.node(value).parts
  const outputs = parts ? parts.map((_, at) => b.part(value, at)) : [value]
  return b.build(Object.fromEntries(outputs.map((id, at) => [`out${at}`, id])))
}

/** Kernels that only move data say little about how an op is computed; they count where there is nothing else. */
const movement = new Set(["Transpose", "Slice", "StridedSlice", "PadV2", "Tile", "Concat", "GatherV2"])

/** Names of the kernels that compute an op on an engine; in code style those of tfjs, in bold our own. */
const kernelsOf = (graph: Graph, engine: EngineName): readonly string[] => {
  const program = { graph, state: {} }
  const { buffers } = trace(program, { engine, workgroupBytes: defaultLimits.maxComputeWorkgroupStorageSize })
  const made = [
    ...new Set(buffers.map((buffer) => buffer.made).filter((name) => name !== "input" && name !== "constant")),
  ]
  const computing = made.filter((name) => !movement.has(name))
  const shown = computing.length > 0 ? computing : made
  return shown.map((name) => (name in kernelShapes ? `\`${name}\`` : `**${name}**`))
}

const engines = ["cpu", "wasm", "webgpu"] as const

/** A Markdown table, op by engine, for FEATURES.md. */
export const supportTable = (): string => {
  const lines = (Object.keys(ops) as Computed[]).flatMap((op) =>
    probesOf(op).map((probe) => {
      const graph = probeGraph(op, probe)
      const cells = engines.map((engine) => kernelsOf(graph, engine).join(", ") || "a view")
      return `| ${[op, probe.when ?? "", ...cells].join(" | ")} |`
    }),
  )
  return [
    "| op | case | tfjs cpu | tfjs wasm | tfjs webgpu |",
    "| --- | --- | --- | --- | --- |",
    ...lines,
    "",
    "Each cell names the kernels that compute the op there: tfjs's in code style, **our own WGSL** in bold.",
    "Every row is compared with the float64 reference on every engine by `test/backends/tfjs/ops.test.ts`.",
  ].join("\n")
}
