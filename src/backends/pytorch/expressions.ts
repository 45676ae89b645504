/** Trees of steps as expressions, and the idioms by which Python says several steps at once. */
import type { FunctionStep, ModuleData, Step } from "../../dsl/layer.ts"
import { calledLayer, mayBeNone, someTensor, tensorText } from "./facts.ts"
import { filled, prints } from "./functions.ts"
import {
  atom,
  attribute,
  call,
  comprehension,
  type Expr,
  item,
  keyword,
  minus,
  number,
  snake,
  tuple,
} from "./python.ts"

/** A value by its name among the steps, or the step that makes it, in place. */
export type Tree =
  | { readonly value: string }
  | { readonly step: Step; readonly index: number; readonly args: readonly Tree[] }

export interface Names {
  /** A value's variable. */
  readonly of: (value: string) => string
  /** Optional inputs that are there, by the conditions around. */
  readonly known: ReadonlySet<string>
}
export type PrintTree = (tree: Tree, names: Names) => Expr

const stepOf = (tree: Tree | undefined): FunctionStep | undefined =>
  tree !== undefined && !("value" in tree) && "fn" in tree.step ? tree.step : undefined
const argsOf = (tree: Tree): readonly Tree[] => ("value" in tree ? [] : tree.args)
const sides = ({ attrs }: FunctionStep) =>
  (attrs["pattern"] as string).split("->").map((side) => side.trim().match(/\([^)]*\)|\S+/g)!) as unknown as readonly [
    left: readonly string[],
    right: readonly string[],
  ]
const withoutAxis = (side: readonly string[], axis: number): string => side.filter((_, i) => i !== axis).join()

/** Axes of a tree's value, where its steps tell. */
const rankOf = (module: ModuleData, tree: Tree | undefined): number | undefined => {
  if (tree === undefined || "value" in tree) return undefined
  const { step, args } = tree
  if ("read" in step) {
    const child = calledLayer(module, step.read, step.index)
    return child.kind === "parameter" || child.kind === "buffer" ? child.shape.length : 2
  }
  if (!("fn" in step)) return undefined
  if (step.fn === "constant") return (step.attrs["shape"] as readonly number[]).length
  return step.fn === "rearrange" ? sides(step)[1].length : rankOf(module, args[0])
}

/** One value everywhere. */
const constantIn = (tree: Tree | undefined) => {
  const step = stepOf(tree)
  if (step?.fn !== "constant") return undefined
  const { values, shape } = step.attrs as { readonly values: readonly number[]; readonly shape: readonly number[] }
  return values.length === 1 ? { value: values[0]!, shape } : undefined
}

/** Prints the trees of one module. `num`: the number of a step's attribute, or the name that the class gave it. */
export const printer = (
  module: ModuleData,
  num: (index: number, attr: string, value: number) => string,
  helper: (name: string) => string,
): PrintTree => {
  const none = mayBeNone(module)

  const print: PrintTree = (tree, names) => {
    if ("value" in tree) return atom(names.of(tree.value))
    const { step, index, args } = tree
    if ("read" in step) return atom(tensorText(module, step))
    if ("call" in step) return called(step.call, step.index, args, names)
    const printing = {
      num: (attr: string, value: number) => num(index, attr, value),
      helper,
      someTensor: () => someTensor(module),
      mayBeNone: args.map((arg) => "value" in arg && none.has(arg.value) && !names.known.has(arg.value)),
      rank: rankOf(module, args[0]),
    }
    const plain = prints[step.fn as Exclude<FunctionStep["fn"], "either">]
    return (
      idiom(step, args, names) ??
      plain(
        printing,
        args.map((arg) => print(arg, names)),
        step.attrs,
      )
    )
  }

  /** Children with optional inputs get what they take by name: the signature has the optional ones last. */
  const called = (name: string, index: number | undefined, args: readonly Tree[], names: Names): Expr => {
    const child = calledLayer(module, name, index)
    const byName = child.kind === "module" && child.optional.length > 0
    const printed = args.map((arg, i) => {
      const e = print(arg, names)
      return byName ? keyword(snake(child.inputs[i]!), e) : e
    })
    return call(`${attribute(name)}${index === undefined ? "" : `[${index}]`}`, ...printed)
  }

  const idiom = (step: FunctionStep, args: readonly Tree[], names: Names): Expr | undefined => {
    const inner = stepOf(args[0])
    switch (step.fn) {
      case "rearrange":
        return inner?.fn === "slice" ? picked(step, inner, argsOf(args[0]!)[0]!, names) : undefined
      case "repeatBatch": {
        const constant = constantIn(args[0])
        return constant && filled(print(args[1]!, names), constant.shape, constant.value)
      }
      case "shift": {
        const by = step.attrs["by"] as number
        const constant = inner?.fn === "repeatBatch" ? constantIn(argsOf(args[0]!)[0]) : undefined
        if (constant) return filled(print(argsOf(args[0]!)[1]!, names), constant.shape, constant.value + by)
        const flipped = inner?.fn === "scale" && inner.attrs["by"] === -1 && by > 0
        return flipped ? minus(atom(number(by)), print(argsOf(args[0]!)[0]!, names)) : undefined
      }
      case "concat":
        return stacked(step, args, names)
      default:
        return undefined
    }
  }

  /** A slice of one, its axis dropped: x[:, 1]. */
  const picked = (step: FunctionStep, slice: FunctionStep, x: Tree, names: Names): Expr | undefined => {
    const { axis, start, end } = slice.attrs as { readonly axis: number; readonly start: number; readonly end: number }
    const [left, right] = sides(step)
    const drops = left[axis] === "1" && withoutAxis(left, axis) === right.join() && end === start + 1
    return drops ? item(print(x, names), [...Array<string>(axis).fill(":"), `${start}`].join(", ")) : undefined
  }

  /** concat of what only had its axis added: stack. */
  const stacked = (step: FunctionStep, args: readonly Tree[], names: Names): Expr | undefined => {
    const axis = step.attrs["axis"] as number
    const inner = args.flatMap((arg) => {
      const s = stepOf(arg)
      if (s?.fn !== "rearrange") return []
      const [left, right] = sides(s)
      return right[axis] === "1" && withoutAxis(right, axis) === left.join() ? [argsOf(arg)[0]!] : []
    })
    if (axis < 0 || args.length < 2 || inner.length < args.length) return undefined
    const items = inner.map((arg) => print(arg, names))
    return call("torch.stack", rolled(module, items) ?? tuple(items), `dim=${axis}`)
  }

  return print
}

/**
 * Items that differ in a running number only, over the whole of one of the module's lists:
 * [mlp(hs[:, i + 1]) for i, mlp in enumerate(self.mlps)].
 */
const rolled = (module: ModuleData, items: readonly Expr[]): Expr | undefined => {
  const name = /self\.(\w+)\[0\]/.exec(items[0]!.flat)?.[1]
  const child = name === undefined ? undefined : module.children[name]
  if (name === undefined || child?.kind !== "list" || child.layers.length !== items.length) return undefined
  const one = name.replace(/s$/, "").split("_").at(-1)!
  const pieces = items.map(({ flat }, i) => flat.replace(`self.${name}[${i}]`, one).split(/(?<![\w.])(\d+)(?![\w.])/))
  const merged = pieces[0]!.map((piece, k) => {
    const all = pieces.map((p) => p[k])
    if (all.every((p) => p === piece)) return piece
    const first = Number(piece)
    const running = k % 2 === 1 && all.every((p, i) => Number(p) === first + i)
    return running ? (first === 0 ? "i" : `i + ${first}`) : undefined
  })
  if (merged.includes(undefined) || pieces.some((p) => p.length !== merged.length)) return undefined
  const counts = merged.some((piece, k) => piece !== pieces[0]![k])
  const over = counts ? `for i, ${one} in enumerate(self.${name})` : `for ${one} in self.${name}`
  return comprehension(merged.join(""), over)
}
