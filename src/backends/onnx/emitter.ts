import { type Shape, sizeOf } from "../../compiler/ir/graph.ts"
import type { Stored } from "../../compiler/ir/stored.ts"
import { type Attribute, type Initializer, microsoft, type OnnxNode } from "./model.ts"

/** Input with the scales of a weight that is kept in 8 bits. */
export const scalesOf = (weight: string): string => `${weight}/scales`

/** Above this, a constant of one value is made when the program runs. */
const largestFill = 1 << 12

/** Collects nodes and constants while a graph is lowered. */
export class Emitter {
  readonly nodes: OnnxNode[] = []
  readonly initializers: Initializer[] = []
  readonly #constants = new Map<string, string>()
  #count = 0
  #from: string | undefined
  /** Only ONNX's own ops: for files that others run. */
  readonly portable: boolean

  readonly #prefix: string

  /** Values are called by the prefix, their op and a number. */
  constructor(portable: boolean, prefix = "_") {
    this.portable = portable
    this.#prefix = prefix
  }

  /** Nodes made from now on come from this module, if from any. */
  at(from: string | undefined): this {
    this.#from = from
    return this
  }
  #push(node: OnnxNode): void {
    this.nodes.push(this.#from === undefined ? node : { ...node, from: this.#from })
  }
  #fresh(op: string): string {
    this.#count += 1
    return `${this.#prefix}${op}${this.#count}`
  }
  /** One node with one output, whose name comes back. */
  node(
    op: string,
    inputs: readonly string[],
    attributes: Readonly<Record<string, Attribute>> = {},
    domain?: string,
  ): string {
    const output = this.#fresh(op)
    this.#push({ op, inputs, outputs: [output], attributes, ...(domain === undefined ? {} : { domain }) })
    return output
  }
  /** One node with several outputs. */
  several(
    op: string,
    inputs: readonly string[],
    count: number,
    attributes: Readonly<Record<string, Attribute>>,
  ): readonly string[] {
    const outputs = Array.from({ length: count }, () => this.#fresh(op))
    this.#push({ op, inputs, outputs, attributes })
    return outputs
  }
  #constant(key: string, make: (name: string) => void): string {
    const known = this.#constants.get(key)
    if (known !== undefined) return known
    const name = this.#fresh("Constant")
    make(name)
    this.#constants.set(key, name)
    return name
  }
  floats(values: readonly number[], shape: Shape): string {
    const size = sizeOf(shape)
    if (values.length === 1 && size > largestFill)
      return this.node("Expand", [this.scalar(values[0]!), this.ints(shape)])
    const key = values.length <= 64 ? `f${shape}|${values}` : `f${this.initializers.length}`
    return this.#constant(key, (name) => {
      const data = values.length === 1 ? new Float32Array(size).fill(values[0]!) : Float32Array.from(values)
      this.initializers.push({ name, shape, data })
    })
  }
  scalar(value: number): string {
    return this.floats([value], [])
  }
  /** A number of 64 bits. */
  double(value: number): string {
    return this.#constant(`d${value}`, (name) =>
      this.initializers.push({ name, shape: [], data: Float64Array.of(value) }),
    )
  }
  /** A vector of integers, as shapes and axes are given. */
  ints(values: readonly number[]): string {
    return this.#constant(`i${values}`, (name) =>
      this.initializers.push({ name, shape: [values.length], data: BigInt64Array.from(values.map(BigInt)) }),
    )
  }

  /** The float32 values of a weight that is kept in fewer bits, for one op to read. */
  restored(weight: string, stored: Stored): string {
    if (stored === "int8") return this.node("DequantizeLinear", [weight, scalesOf(weight)], { axis: 0 })
    return this.node("Cast", [this.node("BitCast", [weight], { to: 16 })], { to: 1 })
  }

  reshape(x: string, shape: Shape): string {
    return this.node("Reshape", [x, this.ints(shape)])
  }
  transpose(x: string, perm: readonly number[]): string {
    return this.node("Transpose", [x], { perm })
  }
  /** From starts to ends; axes taken whole are left out. */
  slice(x: string, shape: Shape, starts: readonly number[], ends: readonly number[]): string {
    const axes = shape.flatMap((extent, i) => (starts[i] === 0 && ends[i] === extent ? [] : [i]))
    if (axes.length === 0) return x
    const of = (values: readonly number[]) => this.ints(axes.map((axis) => values[axis]!))
    return this.node("Slice", [x, of(starts), of(ends), this.ints(axes)])
  }
  /** A product of matrices; onnxruntime transposes while it multiplies. */
  matmul(a: string, b: string, ranks: readonly [number, number], transA: boolean, transB: boolean): string {
    if (!transA && !transB) return this.node("MatMul", [a, b])
    if (!this.portable)
      return this.node("FusedMatMul", [a, b], { transA: Number(transA), transB: Number(transB) }, microsoft)
    const swap = (x: string, rank: number) =>
      this.transpose(
        x,
        Array.from({ length: rank }, (_, i) => (i === rank - 1 ? rank - 2 : i === rank - 2 ? rank - 1 : i)),
      )
    return this.node("MatMul", [transA ? swap(a, ranks[0]) : a, transB ? swap(b, ranks[1]) : b])
  }
}
