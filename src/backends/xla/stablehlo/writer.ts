/** Writes a StableHLO function, one operation a line; what is written twice is written once. */
import { type Shape, sizeOf } from "../../../compiler/ir/graph.ts"
import type { Precision } from "../../../dsl/training.ts"
import { dense, type Element, float, list, quoted, tensorType } from "./text.ts"

export interface Value {
  readonly name: string
  readonly shape: Shape
}

export class Writer {
  readonly precision: Precision
  /** The device may have no products of tf32: operands are rounded to its 10 bits before. */
  readonly emulated: boolean
  readonly lines: string[] = []
  /** Lines by what they compute: equal ones are shared. */
  readonly #known = new Map<string, string>()
  /** Aliases of module paths. */
  readonly #places = new Map<string, string>()
  #place = ""

  constructor(precision: Precision, emulated = false) {
    this.precision = precision
    this.emulated = emulated
  }

  /** What follows is part of this module. */
  at(path: string | undefined): void {
    if (path === undefined) {
      this.#place = ""
      return
    }
    const alias = this.#places.get(path) ?? `#p${this.#places.size}`
    this.#places.set(path, alias)
    this.#place = ` loc(${alias})`
  }
  /** The aliases' definitions. */
  get places(): readonly string[] {
    return [...this.#places].map(([path, alias]) => `${alias} = loc(${quoted(path)})`)
  }

  /** An operation → the name of its value. */
  op(text: string): string {
    const known = this.#known.get(text)
    if (known !== undefined) return known
    const name = `%${this.#known.size}`
    this.#known.set(text, name)
    this.lines.push(`    ${name} = ${text}${this.#place}`)
    return name
  }

  /** An operation of several results → their names. */
  several(count: number, text: string): readonly string[] {
    const known = this.#known.get(text)
    const name = known ?? `%${this.#known.size}`
    if (known === undefined) {
      this.#known.set(text, name)
      this.lines.push(`    ${name}:${count} = ${text}${this.#place}`)
    }
    return Array.from({ length: count }, (_, i) => `${name}#${i}`)
  }

  constant(values: readonly number[], shape: Shape, element: "f32" | "i32" = "f32"): string {
    return this.op(`stablehlo.constant dense<${dense(values, shape, element)}> : ${tensorType(shape, element)}`)
  }
  fill(value: number, shape: Shape): string {
    return this.op(`stablehlo.constant dense<${float(value)}> : ${tensorType(shape)}`)
  }
  unary(name: string, x: string, shape: Shape): string {
    return this.op(`stablehlo.${name} ${x} : ${tensorType(shape)}`)
  }
  binary(name: string, a: string, b: string, shape: Shape, element: Element = "f32"): string {
    return this.op(`stablehlo.${name} ${a}, ${b} : ${tensorType(shape, element)}`)
  }
  convert(x: string, shape: Shape, from: Element, to: Element): string {
    if (from === to) return x
    return this.op(`stablehlo.convert ${x} : (${tensorType(shape, from)}) -> ${tensorType(shape, to)}`)
  }
  /** 1 where the comparison holds, else 0. */
  compare(direction: "GT" | "EQ", a: string, b: string, shape: Shape): string {
    return this.convert(this.holds(direction, a, b, shape), shape, "i1", "f32")
  }
  holds(direction: "GT" | "EQ", a: string, b: string, shape: Shape): string {
    const type = tensorType(shape)
    return this.op(
      `stablehlo.compare ${direction}, ${a}, ${b}, FLOAT : (${type}, ${type}) -> ${tensorType(shape, "i1")}`,
    )
  }
  /** `yes` where the condition holds, else `no`. */
  select(condition: string, yes: string, no: string, shape: Shape): string {
    return this.op(`stablehlo.select ${condition}, ${yes}, ${no} : ${tensorType(shape, "i1")}, ${tensorType(shape)}`)
  }
  /** 0, 1, 2 … along an axis. */
  iota(axis: number, shape: Shape): string {
    return this.op(`stablehlo.iota dim = ${axis} : ${tensorType(shape)}`)
  }

  reshape(x: string, from: Shape, to: Shape, element: Element = "f32"): string {
    if (from.length === to.length && from.every((extent, i) => extent === to[i])) return x
    return this.op(`stablehlo.reshape ${x} : (${tensorType(from, element)}) -> ${tensorType(to, element)}`)
  }
  transpose(x: string, from: Shape, perm: readonly number[], element: Element = "f32"): string {
    const to = perm.map((axis) => from[axis]!)
    return this.op(
      `stablehlo.transpose ${x}, dims = ${list(perm)} : (${tensorType(from, element)}) -> ${tensorType(to, element)}`,
    )
  }
  /** Axes of x, in their order, become axes `dims` of the result; it is repeated along the others. */
  along(x: string, from: Shape, dims: readonly number[], to: Shape, element: Element = "f32"): string {
    return this.op(
      `stablehlo.broadcast_in_dim ${x}, dims = ${list(dims)} : (${tensorType(from, element)}) -> ${tensorType(to, element)}`,
    )
  }
  /** NumPy's rule. Extents of 1 are dropped first, so that only equal extents are left. */
  broadcast(x: string, from: Shape, to: Shape, element: Element = "f32"): string {
    if (from.length === to.length && from.every((extent, i) => extent === to[i])) return x
    const off = to.length - from.length
    const axes = from.flatMap((extent, i) => (extent === to[i + off] ? [i] : []))
    const small = axes.map((axis) => from[axis]!)
    return this.along(
      this.reshape(x, from, small, element),
      small,
      axes.map((axis) => axis + off),
      to,
      element,
    )
  }
  slice(
    x: string,
    from: Shape,
    starts: readonly number[],
    ends: readonly number[],
    strides?: readonly number[],
  ): string {
    const to = starts.map((start, i) => Math.ceil((ends[i]! - start) / (strides?.[i] ?? 1)))
    const ranges = starts.map((start, i) => `${start}:${ends[i]}${strides === undefined ? "" : `:${strides[i]}`}`)
    return this.op(`stablehlo.slice ${x} ${list(ranges)} : (${tensorType(from)}) -> ${tensorType(to)}`)
  }
  /** Values around, and between where `interior` says so; negative extents cut. */
  pad(
    x: string,
    from: Shape,
    {
      low,
      high,
      interior = from.map(() => 0),
    }: { low: readonly number[]; high: readonly number[]; interior?: readonly number[] },
    value = 0,
  ): string {
    const to = from.map((extent, i) => extent + low[i]! + high[i]! + (extent - 1) * interior[i]!)
    return this.op(
      `stablehlo.pad ${x}, ${this.fill(value, [])}, low = ${list(low)}, high = ${list(high)}, interior = ${list(interior)} : (${tensorType(from)}, tensor<f32>) -> ${tensorType(to)}`,
    )
  }
  reduce(name: "add" | "maximum", x: string, from: Shape, axes: readonly number[]): string {
    if (axes.length === 0) return x
    const to = from.filter((_, axis) => !axes.includes(axis))
    const init = this.fill(name === "add" ? 0 : Number.NEGATIVE_INFINITY, [])
    return this.op(
      `stablehlo.reduce(${x} init: ${init}) applies stablehlo.${name} across dimensions = ${list(axes)} : (${tensorType(from)}, tensor<f32>) -> ${tensorType(to)}`,
    )
  }

  /** Element type of a product's operands. */
  get operand(): Element {
    return this.precision === "bf16" ? "bf16" : "f32"
  }
  /** A product's operand as the precision wants it. */
  rounded(x: string, shape: Shape): string {
    if (this.precision === "tf32" && this.emulated)
      return this.op(`stablehlo.reduce_precision ${x}, format = e8m10 : ${tensorType(shape)}`)
    return this.convert(x, shape, "f32", this.operand)
  }
  /** XLA's default may round float32 operands to tf32. */
  get exact(): boolean {
    return this.precision !== "tf32" || this.emulated
  }

  /**
   * x, which the compiler takes for another value: what is computed from it again is not replaced by what was computed before. It is there
   * only once `after` is, so that nothing is computed again before its time.
   */
  barrier(x: string, shape: Shape, copy: number, after: Value | undefined): string {
    // The number keeps different copies apart, and is all that is between them.
    const key = `barrier ${x} ${copy}`
    const known = this.#known.get(key)
    if (known !== undefined) return known
    const name = `%${this.#known.size}`
    const type = tensorType(shape)
    if (after === undefined || after.name === x) {
      this.#known.set(key, name)
      this.lines.push(`    ${name} = stablehlo.optimization_barrier ${x} : ${type}${this.#place}`)
      return name
    }
    this.#known.set(key, `${name}#0`)
    const types = `${type}, ${tensorType(after.shape)}`
    this.lines.push(`    ${name}:2 = stablehlo.optimization_barrier ${x}, ${after.name} : ${types}${this.#place}`)
    return `${name}#0`
  }
}

/** How many values a reduction over these axes takes together. */
export const extentOf = (shape: Shape, axes: readonly number[]): number => sizeOf(axes.map((axis) => shape[axis]!))
