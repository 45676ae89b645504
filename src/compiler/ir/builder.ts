/**
 * Builds graphs: a method for each op, shapes computed at once, equal nodes shared, and steps that change nothing left out.
 */
import { type Computed, type Ops, ops, recordOf } from "../ops/index.ts"
import { type Each, none, type Op } from "../ops/op.ts"
import { type Graph, type Node, type OpAttrs, type OpKind, type Shape, sizeOf } from "./graph.ts"

/** The id of a node. */
export type Value = number

/** JSON writes infinities and NaN as null, and −0 as 0: these are spelled out, lest different nodes be taken for equal. */
const special = (x: unknown): boolean => typeof x === "number" && (!Number.isFinite(x) || Object.is(x, -0))
const spelled = (_: string, x: unknown): unknown => (special(x) ? (Object.is(x, -0) ? "-0" : `${x}`) : x)
/** Attributes go from graph to graph: the text of each, long lists above all, is made once; of a long one, its number stands for it. */
const texts = new WeakMap<object, string>()
const long = 200
const longTexts = new Map<string, string>()
const shortened = (text: string): string => {
  if (text.length <= long) return text
  const short = longTexts.get(text) ?? `#${longTexts.size}`
  longTexts.set(text, short)
  return short
}
const spelledOut = (held: unknown): string => {
  const unspeakable = Array.isArray(held) ? held.some(special) : special(held)
  return unspeakable ? JSON.stringify(held, spelled) : JSON.stringify(held)
}
const textOfList = (list: readonly unknown[]): string => {
  const known = texts.get(list)
  if (known !== undefined) return known
  const text = shortened(spelledOut(list))
  texts.set(list, text)
  return text
}
const textOf = (node: Node): string => {
  if (node.op === "constant") return textOfList(node.attrs.values)
  const { attrs } = node
  const known = texts.get(attrs)
  if (known !== undefined) return known
  const parts = Object.entries(attrs).flatMap(([name, value]: [string, unknown]) =>
    value === undefined
      ? []
      : [`${name}:${Array.isArray(value) && value.length > long ? textOfList(value) : spelledOut(value)}`],
  )
  const text = shortened(parts.join())
  texts.set(attrs, text)
  return text
}

/** All of a node but its operands, as a number: nodes go from graph to graph, and their texts are long. */
const numbers = new Map<string, number>()
const kinds = new WeakMap<Node, number>()
const kindOf = (node: Node): number => {
  const known = kinds.get(node)
  if (known !== undefined) return known
  // Big constants are compared by what they are: equal text, equal value.
  const text = `${node.copy}|${node.op}|${textOf(node)}|${node.shape}`
  const number = numbers.get(text) ?? numbers.size
  numbers.set(text, number)
  kinds.set(node, number)
  return number
}
const equal = (a: readonly number[], b: readonly number[]): boolean =>
  a.length === b.length && a.every((x, i) => x === b[i])

class Core {
  readonly #nodes: Node[] = []
  readonly #known = new Map<string, Value>()
  #from: string | undefined
  #copy: number | undefined

  /** A builder that goes on where a graph ends; the graph's ids stay valid. */
  static of(graph: Graph): Builder {
    const b = new Core()
    graph.nodes.forEach((node, id) => {
      // Equal nodes that a graph already has stay as they are; new ones are shared with the first.
      if (b.#append(node) !== id) b.#nodes.push(node)
    })
    return b as Builder
  }

  get nodes(): readonly Node[] {
    return this.#nodes
  }
  node(value: Value): Node {
    const node = this.#nodes[value]
    if (node === undefined) throw new Error(`internal: there is no value ${value}`)
    return node
  }
  shapeOf(value: Value): Shape {
    return this.node(value).shape
  }
  build(outputs: Readonly<Record<string, Value>>): Graph {
    return { nodes: [...this.#nodes], outputs: Object.entries(outputs).map(([name, value]) => ({ name, value })) }
  }

  /** Nodes made in `body` come from the module at `path`. */
  from<A>(path: string, body: () => A): A {
    const outer = this.#from
    this.#from = path
    try {
      return body()
    } finally {
      this.#from = outer
    }
  }
  /** Nodes made in `body` are not shared with equal ones of other copies: for computing something again on purpose. */
  copy<A>(copy: number | undefined, body: () => A): A {
    const outer = this.#copy
    this.#copy = copy
    try {
      return body()
    } finally {
      this.#copy = outer
    }
  }

  #append(node: Node): Value {
    const key = `${kindOf(node)}|${node.inputs}`
    const known = this.#known.get(key)
    if (known !== undefined) return known
    const value = this.#nodes.length
    this.#nodes.push(node)
    this.#known.set(key, value)
    return value
  }

  /** Any op but the sources, as it is; `from` overrides where it comes from. */
  emit<K extends Computed>(op: K, inputs: readonly Value[], attrs: OpAttrs[K], from = this.#from): Value {
    const result = recordOf(op)!.shape(inputs.map((value) => this.shapeOf(value)) as never, attrs)
    const shaped = "parts" in result ? { shape: result.parts[0]!, parts: result.parts } : { shape: result }
    return this.#append({ op, inputs, attrs, ...shaped, ...this.#marks(from) } as unknown as Node)
  }
  /** A node of another graph, on operands of the same shapes. */
  again(node: Node, inputs: readonly Value[]): Value {
    if (node.copy === this.#copy) {
      if (equal(node.inputs, inputs)) return this.#append(node)
      const moved = { ...node, inputs } as Node
      kinds.set(moved, kindOf(node))
      return this.#append(moved)
    }
    const { copy: _, ...rest } = node
    return this.#append({ ...rest, inputs, ...(this.#copy === undefined ? {} : { copy: this.#copy }) } as Node)
  }
  #marks(from: string | undefined): Pick<Node, "from" | "copy"> {
    return { ...(from === undefined ? {} : { from }), ...(this.#copy === undefined ? {} : { copy: this.#copy }) }
  }
  #source<K extends OpKind>(op: K, attrs: OpAttrs[K], shape: Shape): Value {
    return this.#append({ op, inputs: [], attrs, shape } as unknown as Node)
  }

  // ---- sources
  input(name: string, shape: Shape): Value {
    return this.#source("input", { name }, shape)
  }
  parameter(name: string, shape: Shape): Value {
    return this.#source("parameter", { name }, shape)
  }
  /** Row-major values; one value fills the shape. */
  constant(values: readonly number[], shape: Shape): Value {
    if (values.length !== 1 && values.length !== sizeOf(shape))
      throw new Error(`internal: ${values.length} values for a constant [${shape.join(", ")}]`)
    return this.#source("constant", { values }, shape)
  }
  scalar(value: number): Value {
    return this.constant([value], [])
  }

  part(x: Value, index: number): Value {
    const { parts, from, copy } = this.node(x)
    const shape = parts?.[index]
    if (shape === undefined) throw new Error(`internal: value ${x} has no part ${index}`)
    const marks = { ...(from === undefined ? {} : { from }), ...(copy === undefined ? {} : { copy }) }
    return this.#append({ op: "part", inputs: [x], attrs: { index }, shape, ...marks })
  }
}

/** An op's method takes its operands, a list where there may be any number, and then what the record says, or the attributes. */
type Method<O> =
  O extends Op<infer N, any, infer Args>
    ? N extends readonly [number, infer Most extends number]
      ? number extends Most
        ? (xs: readonly Value[], ...args: Args) => Value
        : (...args: readonly [...Each<N, Value>, ...Args]) => Value
      : (...args: readonly [...Each<N, Value>, ...Args]) => Value
    : never

export type Builder = Core & { readonly [K in Computed]: Method<Ops[K]> }

/** Operands, and what comes after them. */
const parted = (count: Op["operands"], args: readonly unknown[]): readonly [readonly Value[], readonly unknown[]] => {
  const most = typeof count === "number" ? count : count[1]
  if (!Number.isFinite(most)) return [args[0] as readonly Value[], args.slice(1)]
  const operands = args.slice(0, most).filter((x) => typeof x === "number")
  return [operands, args.slice(most)]
}
for (const op of Object.keys(ops) as Computed[]) {
  const { operands, attributes, fold } = recordOf(op)!
  Object.defineProperty(Core.prototype, op, {
    value(this: Builder, ...args: readonly unknown[]): Value {
      const [inputs, rest] = parted(operands, args)
      const attrs = attributes === undefined ? (rest[0] ?? none) : attributes(...rest)
      return fold?.(this, inputs as never, attrs) ?? this.emit(op, inputs, attrs as never)
    },
  })
}

export const Builder = Core as unknown as { new (): Builder; readonly of: (graph: Graph) => Builder }
