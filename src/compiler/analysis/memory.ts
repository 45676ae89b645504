/**
 * Memory that a program needs, predicted from its plan: tensors that stay, and buffers alive at the worst moment. What an engine needs
 * beside tensors is its overhead, measured once for each engine, not guessed here.
 */
import type { ModelData } from "../../dsl/model.ts"
import { type Clip, defaultsFor, type Loss, type Optimizer } from "../../dsl/training.ts"
import { float, keptBytes, valueBytes } from "../ir/bytes.ts"
import { type Node, type NodeOf, sizeOf } from "../ir/graph.ts"
import type { DecomposeOptions } from "../passes/decompose.ts"
import { type InputSizes, standardSizes } from "../passes/elaborate/index.ts"
import { type Compiled, compile } from "../passes/pipeline.ts"
import { schedule } from "../passes/schedule.ts"
import type { Frozen } from "../passes/store.ts"

export interface LargestBuffer {
  readonly op: Node["op"]
  /** The module it belongs to, or the tensor's name. */
  readonly from: string
  readonly shape: readonly number[]
  readonly bytes: number
}

/** Bytes. `peak` is the sum of those before it: what tensors need at the worst moment. */
export interface Memory {
  /** Parameters, frozen or learning. */
  readonly weights: number
  /** Moments and other state that is no parameter. */
  readonly optimizerState: number
  /** Inputs and constants. */
  readonly inputs: number
  /** Alive at the worst moment: finished gradients … */
  readonly gradients: number
  /** … next values of parameters and state … */
  readonly nextState: number
  /** … and everything between. */
  readonly activations: number
  readonly peak: number
  /** What the engine needs beside them. */
  readonly overhead: number
  /** peak + overhead: what the process needs, without Node itself. */
  readonly total: number
  /** The module whose node runs at that moment. */
  readonly at: string
  readonly largest: LargestBuffer
}

/** Each part of a node is a buffer of its own. */
const largestOf = (nodes: readonly Node[]): LargestBuffer =>
  nodes
    .flatMap((node) => (node.parts ?? [node.shape]).map((shape) => ({ node, shape, bytes: float * sizeOf(shape) })))
    .map(({ node, shape, bytes }) => {
      const name = node.op === "input" || node.op === "parameter" ? node.attrs.name : ""
      return { op: node.op, from: node.from ?? name, shape, bytes }
    })
    .reduce((best, buffer) => (buffer.bytes > best.bytes ? buffer : best))

const sum = (xs: readonly number[]): number => xs.reduce((total, x) => total + x, 0)

/** How a target runs programs, as far as memory goes. */
export interface Engine {
  /** Left out: the target has kernels for all composites. */
  readonly decompose?: DecomposeOptions
  /** Next values of state are written where the state is. Otherwise they are made in the run. */
  readonly inPlace?: boolean
  /** What the engine needs beside tensors. Default: nothing. */
  readonly overhead?: Overhead
}
/** Measured for each engine, not derived. */
export interface Overhead {
  /** Bytes, whatever the program. */
  readonly fixed: number
  /** Bytes for each node of the lowered program. */
  readonly perNode: number
  /** Bytes for each byte of buffers made in a run: what its allocator cannot use. */
  readonly slack: number
  /** Bytes for each byte that a run gives, next values of state too: copies. */
  readonly given: number
}

const none: Overhead = { fixed: 0, perNode: 0, slack: 0, given: 0 }

/** What a compiled program needs, in the order of its nodes. */
export const memoryOf = (
  { program, gradients }: Pick<Compiled, "program" | "gradients">,
  { inPlace = false, overhead: { fixed, perNode, slack, given } = none }: Engine = {},
): Memory => {
  const { graph, state } = program
  const { nodes } = graph
  const next = new Set(Object.values(state))
  const plan = schedule(graph, inPlace ? next : new Set())
  const buffersOf = (values: Iterable<number>) => new Set([...values].map((value) => plan.buffer[value]!))
  const isNext = buffersOf(graph.outputs.flatMap(({ name, value }) => (next.has(name) ? [value] : [])))
  const isGradient = buffersOf(gradients.values())
  const bytesOf = (ids: Iterable<number>) => sum([...ids].map((id) => valueBytes(nodes[id]!)))

  const weights = sum(nodes.map((node) => (node.op === "parameter" ? keptBytes(node) : 0)))
  const optimizerState = sum(
    nodes.map((node) => (node.op === "input" && node.attrs.name in state ? valueBytes(node) : 0)),
  )
  // Standing outputs are those of the plan's resident bytes that are there as state already.
  const resident = plan.resident - (inPlace ? bytesOf(isNext) : 0)
  const nextState = inPlace ? 0 : bytesOf(plan.alive.filter((id) => isNext.has(id)))
  const finished = bytesOf(plan.alive.filter((id) => isGradient.has(id) && !isNext.has(id)))
  const peak = resident + plan.peak
  // A weight that is kept in fewer bits is restored by a node of its own, for each that reads it.
  const isStored = (id: number) => nodes[id]!.op === "parameter" && (nodes[id] as NodeOf<"parameter">).attrs.stored
  const restoring = nodes.reduce((n, { inputs }) => n + inputs.filter(isStored).length, 0)
  const copies = given * bytesOf(graph.outputs.map(({ value }) => value))
  const overhead = Math.round(fixed + perNode * (nodes.length + restoring) + slack * plan.peak + copies)
  return {
    weights,
    optimizerState,
    inputs: resident - weights - optimizerState,
    gradients: finished,
    nextState,
    activations: plan.peak - finished - nextState,
    peak,
    overhead,
    total: peak + overhead,
    at: nodes[plan.at]!.from ?? "",
    largest: largestOf(nodes),
  }
}

export interface MemoryOptions {
  readonly sizes?: InputSizes
  /** Of a training step. Default: `sizes`. */
  readonly trainingSizes?: InputSizes
  readonly engine?: Engine
  /** Names of the tensors that learn. */
  readonly learning?: readonly string[]
  readonly loss?: Loss
  readonly optimizer?: Optimizer
  readonly accumulate?: number
  readonly clip?: Clip | undefined
  /** Weights that are kept in fewer bits. */
  readonly stored?: Frozen | undefined
}
export interface ModelMemory {
  readonly sizes: InputSizes
  readonly inference: Memory
  /** Absent where nothing learns. */
  readonly training?: Memory
}

/** A target that decomposes everything: what any target can keep to. */
export const plainEngine: Engine = { decompose: {} }

/** Memory of a model for one run: a batch of 1 with one point, unless `sizes` says otherwise. */
export const memoryOfModel = (model: ModelData, options: MemoryOptions = {}): ModelMemory => {
  const { sizes = standardSizes(model), engine = plainEngine, learning = [] } = options
  const { trainingSizes = sizes } = options
  const usual = defaultsFor(model)
  const { loss = usual.loss, optimizer = usual.optimizer, accumulate, clip, stored } = options
  const task = { model, sizes, stored, ...(engine.decompose === undefined ? {} : { decompose: engine.decompose }) }
  const inference = memoryOf(compile({ ...task, goal: { kind: "inference" } }), engine)
  if (learning.length === 0) return { sizes, inference }
  const goal = { kind: "training", learning, loss, optimizer, accumulate, clip } as const
  return { sizes, inference, training: memoryOf(compile({ ...task, sizes: trainingSizes, goal }), engine) }
}

export interface Device {
  readonly name: string
  readonly bytes: number
}
const gib = 2 ** 30
/** Memory that people have, and what cards with it are called. */
export const commonDevices: readonly Device[] = [
  { name: "8 GB", bytes: 8 * gib },
  { name: "11 GB (RTX 2080 Ti)", bytes: 11 * gib },
  { name: "16 GB", bytes: 16 * gib },
  { name: "24 GB", bytes: 24 * gib },
]
/** The least that WebGPU promises of a storage buffer binding: maxStorageBufferBindingSize. */
export const webgpuBinding = 128 * 2 ** 20

export interface Fit {
  readonly device: string
  readonly needed: number
  readonly available: number
  readonly fits: boolean
}
/** Does it fit? The last row is about the largest buffer alone. */
export const fitsOf = (
  { total, largest }: Pick<Memory, "total" | "largest">,
  devices = commonDevices,
): readonly Fit[] => {
  const rowOf = (device: string, needed: number, available: number): Fit => ({
    device,
    needed,
    available,
    fits: needed <= available,
  })
  return [
    ...devices.map(({ name, bytes }) => rowOf(name, total, bytes)),
    rowOf("WebGPU's 128 MiB binding", largest.bytes, webgpuBinding),
  ]
}
