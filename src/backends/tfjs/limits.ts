/** Whether a program fits a WebGPU device, before anything is sent to one. */
import type { Diagnostic } from "../../compiler/diagnostic.ts"
import type { Program, Shape } from "../../compiler/ir/graph.ts"
import { defaultLimits, type LimitName, type Limits } from "./device.ts"
import { type Buffer, trace } from "./trace.ts"

/** A buffer that breaks a limit of the device. */
export interface LimitProblem {
  /** The module whose op makes it, e.g. encoder.blocks.7.attn. */
  readonly from?: string
  readonly op: string
  /** What it is: the op's value or a step on the way. */
  readonly made: string
  readonly shape: Shape
  readonly bytes: number
  readonly limit: LimitName
  readonly allowed: number
  /** Of the program's first axis, what would fit; 0 where not even one does. */
  readonly batchThatFits: number
}

const broken = (bytes: number, limits: Limits): LimitName | undefined =>
  (["maxStorageBufferBindingSize", "maxBufferSize"] as const).find((name) => bytes > limits[name])

/** The batch of a program: the first extent that all its fed images share, else 1. */
const batchOf = ({ graph, state }: Program): number => {
  const images = graph.nodes.filter(
    (node) => node.op === "input" && !(node.attrs.name in state) && node.shape.length > 1,
  )
  const extents = new Set(images.map(({ shape }) => shape[0]!))
  return extents.size === 1 ? [...extents][0]! : 1
}

/**
 * Every node that needs a buffer over a limit: its largest such buffer. `limits` are a device's (`limitsOf(adapter)`), or
 * by default what every WebGPU device has.
 */
export const limitProblems = (program: Program, limits: Limits = defaultLimits): readonly LimitProblem[] => {
  const { buffers } = trace(program, { engine: "webgpu", workgroupBytes: limits.maxComputeWorkgroupStorageSize })
  const worst = new Map<object, Buffer>()
  for (const buffer of buffers) {
    if (broken(buffer.bytes, limits) && buffer.bytes > (worst.get(buffer.node)?.bytes ?? 0))
      worst.set(buffer.node, buffer)
  }
  const batch = batchOf(program)
  return [...worst.values()].map(({ node, made, shape, bytes }) => {
    const limit = broken(bytes, limits)!
    const allowed = limits[limit]
    return {
      ...(node.from === undefined ? {} : { from: node.from }),
      op: node.op,
      made,
      shape,
      bytes,
      limit,
      allowed,
      batchThatFits: Math.floor((batch * allowed) / bytes),
    }
  })
}

const mebibytes = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(bytes % 2 ** 20 === 0 ? 0 : 2)} MiB`

/** Where in a spec a module was written; the frontend knows. */
export type PlaceOf = (from: string | undefined) => Pick<Diagnostic, "file" | "line" | "column">

const nowhere: PlaceOf = () => ({ file: "<webgpu>", line: 0, column: 0 })

export const limitDiagnostics = (
  problems: readonly LimitProblem[],
  placeOf: PlaceOf = nowhere,
): readonly Diagnostic[] =>
  problems.map((problem) => {
    const { from, op, made, shape, bytes, limit, allowed, batchThatFits } = problem
    const what = made === op ? op : `${op} (${made})`
    return {
      ...placeOf(from),
      code: "HS2602",
      severity: "error",
      message: `${from ?? "the program"}: ${what} needs a buffer of ${mebibytes(bytes)}, [${shape}], but the device's ${limit} is ${mebibytes(allowed)}`,
      help: `${batchThatFits > 0 ? `A batch of ${batchThatFits} would fit, or a` : "Use a smaller input size, or a"} device with a ${limit} of at least ${bytes.toLocaleString("en-US")} bytes.`,
    }
  })

/** Whether all that is alive at one time fits an address space, as WebAssembly's. */
export const addressProblems = (program: Program, allowed: number): readonly Diagnostic[] => {
  const { peak } = trace(program, { engine: "wasm", workgroupBytes: 0 })
  if (peak <= allowed) return []
  return [
    {
      file: "<wasm>",
      line: 0,
      column: 0,
      code: "HS2602",
      severity: "error",
      message: `the program holds ${mebibytes(peak)} at one time, and WebAssembly addresses ${mebibytes(allowed)}`,
      help: "Use a smaller batch or input size, or the target cpu.",
    },
  ]
}
