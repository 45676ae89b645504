/**
 * tfjs's kernels, called one by one: no tape, no scopes, no active backend.
 *
 * tfjs-core's engine would choose a global backend, track every tensor and differentiate. Our plan has done all of that
 * before it runs, so a lowering asks for a kernel by its name and gets the tensor that it made.
 */
import { getKernel, type KernelBackend, type NamedAttrMap, type TensorInfo } from "@tensorflow/tfjs-core"
import type { Diagnostic } from "../../compiler/diagnostic.ts"
import { type Program, type Shape, sizeOf } from "../../compiler/ir/graph.ts"
import { kernelShapes, type TfjsKernel } from "./lower/shapes.ts"
import type { WgslKernel } from "./wgsl/kernel.ts"

export type EngineName = "cpu" | "wasm" | "webgpu"
export type Value = TensorInfo

export type Attributes = Readonly<Record<string, unknown>>

/** An instance of one of tfjs's backends, and how to use it safely. */
export interface Engine {
  readonly name: EngineName
  readonly backend: KernelBackend
  /** Tensors keep the very array that they are made from. */
  readonly keepsArrays: boolean
  /** Runs one kernel's call, with whatever the engine must see to around it. */
  readonly around: <A>(
    kernel: TfjsKernel,
    inputs: Readonly<Record<string, Value>>,
    attrs: Attributes,
    call: () => A,
  ) => A
  /** Makes sure that the values are where the kernels run. */
  readonly settle: (value: Value) => void
  /** Runs a kernel of our own; only WebGPU has them. */
  readonly own?: (kernel: WgslKernel, inputs: readonly Value[]) => readonly Value[]
  /** Arithmetic in 16-bit floats inside our own kernels. */
  readonly f16: boolean
  /** Memory that a workgroup of our own kernels may use. */
  readonly workgroupBytes: number
  /** What breaks this engine's limits, before anything is sent to it. */
  readonly problemsOf: (program: Program) => readonly Diagnostic[]
  /** Runs work that only encodes commands; rejects with a diagnostic when the device found anything wrong with it. */
  readonly guarded: <A>(work: () => A) => Promise<A>
  /** The values of a tensor on this side. */
  readonly read: (value: Value) => Promise<Float32Array>
  /** Tensors alive now. */
  readonly count: () => number
  /** Called between two ops: a chance to free memory early. */
  readonly between: () => void
  /** Gives memory back that no tensor uses. */
  readonly trim: () => void
  readonly dispose: () => Promise<void>
}

/** What the lowering of one op may do. Everything it makes and does not return is freed after it. */
export interface Kernels {
  readonly engine: EngineName
  readonly f16: boolean
  readonly workgroupBytes: number
  /** One tfjs kernel by name, with the names that tfjs gives its inputs and attributes. */
  readonly run: (
    kernel: TfjsKernel,
    inputs: Readonly<Record<string, Value>> | readonly Value[],
    attrs?: Attributes,
  ) => Value
  readonly own: (kernel: WgslKernel, inputs: readonly Value[]) => readonly Value[]
  /** Values known at compile time, uploaded once: `key` says all about them. */
  readonly constant: (key: string, shape: Shape, values: () => Float32Array | Int32Array) => Value
  /** The shape in which this data, or a view of it, was first asked about: what an engine may have kept of it holds for that shape. */
  readonly firstSeen: (x: Value) => Shape
  /** The shape in which a kernel, or whoever fed it, made this data. */
  readonly madeAs: (x: Value) => Shape
}

/** The first shape in which it is asked about data, for as long as the data is there. */
export const rememberShapes = (): ((x: Value) => Shape) => {
  const shapes = new WeakMap<object, Shape>()
  return ({ dataId, shape }) => {
    const first = shapes.get(dataId as object) ?? [...shape]
    shapes.set(dataId as object, first)
    return first
  }
}

/** One executable's access to an engine: its constants live as long as it does. */
export interface Session {
  readonly kernels: Kernels
  /** Frees what was made since the last call, but for what is kept; each kept value holds a reference of its own. */
  readonly sweep: (keep: readonly Value[]) => readonly Value[]
  readonly dispose: () => void
}

/** The caller may write to its array again, unless it gives it away. */
export const newTensor = (engine: Engine, shape: Shape, values: Float32Array | Int32Array, give = false): Value => {
  if (values.length !== sizeOf(shape)) throw new Error(`internal: ${values.length} values for shape [${shape}]`)
  const dtype = values instanceof Int32Array ? "int32" : "float32"
  const own = engine.keepsArrays && !give ? values.slice() : values
  const value = { dataId: engine.backend.write(own, [...shape], dtype), shape: [...shape], dtype } as Value
  engine.settle(value)
  return value
}

export const free = (engine: Engine, value: Value): void => {
  engine.backend.disposeData(value.dataId as object)
}

/** Another reference to the same data. */
export const view = (engine: Engine, value: Value): Value => {
  engine.backend.incRef(value.dataId as object)
  return { ...value }
}

export const openSession = (engine: Engine): Session => {
  const constants = new Map<string, Value>()
  let made: Value[] = []
  const madeAs = rememberShapes()
  const kernels: Kernels = {
    engine: engine.name,
    f16: engine.f16,
    workgroupBytes: engine.workgroupBytes,
    firstSeen: rememberShapes(),
    madeAs,
    run: (kernel, inputs, attrs = {}) => {
      const config = getKernel(kernel, engine.name)
      if (!config) throw new Error(`internal: ${engine.name} has no kernel ${kernel}`)
      const named = inputs as Record<string, TensorInfo>
      for (const input of Object.values(named)) madeAs(input)
      const call = () => config.kernelFunc({ inputs: named, attrs: attrs as NamedAttrMap, backend: engine.backend })
      const output = engine.around(kernel, named, attrs, call)
      if (Array.isArray(output)) throw new Error(`internal: kernel ${kernel} gave several tensors`)
      made.push(output)
      madeAs(output)
      // Limits and memory are computed from these rules before a run, so they had better be right in it.
      const expected = kernelShapes[kernel](named, attrs)
      if (expected.length !== output.shape.length || expected.some((extent, axis) => extent !== output.shape[axis]))
        throw new Error(`internal: kernel ${kernel} gave shape [${output.shape}], not [${expected}]`)
      return output
    },
    own: (kernel, inputs) => {
      if (!engine.own) throw new Error(`internal: ${engine.name} runs no kernel of our own (${kernel.name})`)
      const outputs = engine.own(kernel, inputs)
      made.push(...outputs)
      return outputs
    },
    constant: (key, shape, values) => {
      const known = constants.get(key)
      if (known) return known
      const value = newTensor(engine, shape, values(), true)
      constants.set(key, value)
      return value
    },
  }
  return {
    kernels,
    sweep: (keep) => {
      // A rule may give back its own input, or a constant: those are others' references, so we take another.
      const owned = keep.map((value) => (made.includes(value) ? value : view(engine, value)))
      const kept = new Set(owned)
      for (const value of made) if (!kept.has(value)) free(engine, value)
      made = []
      return owned
    },
    dispose: () => {
      for (const value of [...made, ...constants.values()]) free(engine, value)
      made = []
      constants.clear()
    },
  }
}
