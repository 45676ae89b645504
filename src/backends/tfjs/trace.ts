/** A program's buffers, found by lowering it with shapes instead of tensors: what a run would make, where, and how large. */
import { type Node, type Program, type Shape, sizeOf } from "../../compiler/ir/graph.ts"
import { type EngineName, type Kernels, rememberShapes, type Value } from "./kernels.ts"
import { lowering, prepared, type Rule } from "./lower/index.ts"
import { ownRules } from "./lower/own.ts"
import { kernelShapes } from "./lower/shapes.ts"
import { isHeld, planSteps } from "./plan.ts"

export interface TraceOptions {
  readonly engine: EngineName
  readonly workgroupBytes: number
  readonly f16?: boolean
}

/** A buffer that a node's lowering makes: its value, or something on the way. */
export interface Buffer {
  readonly node: Node
  /** The kernel that writes it, or the op of a held value. */
  readonly made: string
  readonly shape: Shape
  readonly bytes: number
}
export interface Trace {
  readonly buffers: readonly Buffer[]
  /** Most bytes alive at one time, parameters and state included. */
  readonly peak: number
  /** What a pool with a free list for each size, as tfjs's on WebGPU, comes to hold. */
  readonly pooled: number
}

/** A tensor without data; views of one have the same buffer. */
interface Ghost extends Value {
  readonly dataId: { readonly bytes: number }
}
const ghost = (shape: Shape, bytes = 4 * sizeOf(shape)): Ghost => ({
  dataId: { bytes },
  shape: [...shape],
  dtype: "float32",
})

export const trace = (program: Program, { engine, workgroupBytes, f16 = false }: TraceOptions): Trace => {
  const { graph } = prepared(program)
  const buffers: Buffer[] = []
  const references = new Map<object, number>()
  let alive = 0
  let peak = 0
  let pooled = 0
  const idle = new Map<number, number>()
  const hold = ({ dataId }: Ghost) => {
    const before = references.get(dataId) ?? 0
    references.set(dataId, before + 1)
    if (before > 0) return
    const { bytes } = dataId
    alive += bytes
    peak = Math.max(peak, alive)
    const waiting = idle.get(bytes) ?? 0
    if (waiting > 0) idle.set(bytes, waiting - 1)
    else pooled += bytes
  }
  const drop = ({ dataId }: Ghost) => {
    const left = references.get(dataId)! - 1
    references.set(dataId, left)
    if (left > 0) return
    alive -= dataId.bytes
    idle.set(dataId.bytes, (idle.get(dataId.bytes) ?? 0) + 1)
  }

  const madeAs = rememberShapes()
  let current: Node = graph.nodes[0]!
  let made: Ghost[] = []
  const make = (shape: Shape, by: string): Ghost => {
    const value = ghost(shape)
    madeAs(value)
    buffers.push({ node: current, made: by, shape, bytes: value.dataId.bytes })
    hold(value)
    made.push(value)
    return value
  }
  const constants = new Map<string, Ghost>()
  const kernels: Kernels = {
    engine,
    f16,
    workgroupBytes,
    firstSeen: rememberShapes(),
    madeAs,
    run: (kernel, inputs, attrs = {}) => {
      const shape = kernelShapes[kernel](inputs as Readonly<Record<string, Value>>, attrs)
      if (kernel !== "Reshape") return make(shape, kernel)
      const of = (inputs as Readonly<Record<string, Ghost>>).x!
      const seen: Ghost = { ...of, shape: [...shape] }
      hold(seen)
      made.push(seen)
      return seen
    },
    own: (kernel) => kernel.outputs.map(({ shape }) => make(shape, kernel.name)),
    constant: (key, shape) => {
      const known = constants.get(key)
      if (known) return known
      const value = ghost(shape)
      buffers.push({ node: current, made: "constant", shape, bytes: value.dataId.bytes })
      hold(value)
      constants.set(key, value)
      return value
    },
  }

  const rules = { ...lowering, ...(engine === "webgpu" ? ownRules : {}) } as unknown as Record<string, Rule<never>>
  const values = new Map<number, readonly (Ghost | undefined)[]>()
  graph.nodes.forEach((node, id) => {
    if (!isHeld(node)) return
    const value = ghost(node.shape)
    madeAs(value)
    buffers.push({ node, made: node.op, shape: node.shape, bytes: value.dataId.bytes })
    hold(value)
    values.set(id, [value])
  })
  for (const { id, node, wanted, frees } of planSteps(graph)) {
    current = node
    const inputs = node.inputs.map((input) => values.get(input)![0]!)
    const results =
      node.op === "part"
        ? values.get(node.inputs[0]!)![node.attrs.index]!
        : rules[node.op]!(kernels, node as never, inputs, (part) => wanted.has(part))
    const all = (Array.isArray(results) ? results : [results]) as readonly (Ghost | undefined)[]
    for (const value of all) if (value) hold(value)
    for (const value of made) drop(value)
    made = []
    values.set(id, all)
    for (const done of frees) for (const value of values.get(done)!) if (value) drop(value)
  }
  return { buffers, peak, pooled }
}
