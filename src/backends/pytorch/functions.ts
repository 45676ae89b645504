/** The functions of src/dsl/functions.ts as Python expressions. */
import type { Attrs, FunctionName } from "../../dsl/layer.ts"
import {
  at,
  atom,
  bound,
  call,
  type Expr,
  float,
  item,
  keyword,
  list,
  method,
  minus,
  negative,
  number,
  over,
  plus,
  snake,
  string,
  times,
  tuple,
} from "./python.ts"
import { rearrangeMethods } from "./rearrange.ts"

export interface Printing {
  /** A step's number that may be an argument of the class: heads, size, height, … */
  readonly num: (attr: string, value: number) => string
  readonly helper: (name: string) => string
  /** A tensor of this module, for the device and type of tensors that come from nowhere. */
  readonly someTensor: () => string
  /** Arguments that may be None. */
  readonly mayBeNone: readonly boolean[]
  /** Axes of the first argument, where that is known. */
  readonly rank: number | undefined
}
type Print = (p: Printing, args: readonly Expr[], attrs: Attrs) => Expr

const num = (attrs: Attrs, name: string): number => attrs[name] as number

/** A number with its circle constant told: 6.283185307179586 → 2 * math.pi. */
const factor = (by: number): Expr => {
  const turns = by / Math.PI
  if (Number.isInteger(turns) && turns !== 0)
    return turns === 1 ? atom("math.pi") : { flat: `${number(turns)} * math.pi`, binding: "product" }
  return by < 0 ? { flat: number(by), binding: "unary" } : atom(number(by))
}
/** 1/1024 reads better as a division, 0.1 as it is. */
const inverse = (by: number): number | undefined => {
  const n = Math.round(1 / by)
  return n >= 16 && Number.isFinite(n) && 1 / n === by ? n : undefined
}

const scale: Print = (p, [x], attrs) => {
  const by = num(attrs, "by")
  const text = p.num("by", by)
  if (text !== number(by)) return times(x!, atom(text))
  if (by === -1) return negative(x!)
  const n = inverse(by)
  return n === undefined ? times(x!, factor(by)) : over(x!, atom(number(n)))
}
const shift: Print = (p, [x], attrs) => {
  const by = num(attrs, "by")
  const text = p.num("by", by)
  if (text !== number(by)) return plus(x!, atom(text))
  // −x + 1 reads better as 1 − x.
  if (x!.binding === "unary" && x!.flat.startsWith("-")) return minus(factor(by), atom(x!.flat.slice(1)))
  return by < 0 ? minus(x!, factor(-by)) : plus(x!, factor(by))
}

/** x[:, :, range] on one axis, the last one as x[..., range]. */
const sliced = (x: Expr, axis: number, range: string): Expr =>
  item(x, axis < 0 ? `..., ${range}${", :".repeat(-axis - 1)}` : `${":, ".repeat(axis)}${range}`)

const constant: Print = (p, _, { values, shape }) => {
  const [all, extents] = [values as readonly number[], shape as readonly number[]]
  const like = atom(p.someTensor())
  if (all.length === 1) return method(like, "new_full", tuple(extents.map(number)), float(all[0]!))
  const flat = method(like, "new_tensor", list(all.map(float)))
  return extents.length === 1 ? flat : method(flat, "view", ...extents.map(number))
}

const concat: Print = (p, args, attrs) => {
  const axis = keyword("dim", number(num(attrs, "axis")))
  if (!p.mayBeNone.some(Boolean)) return args.length === 1 ? args[0]! : call("torch.cat", tuple(args), axis)
  return call("torch.cat", `[t for t in ${tuple(args).flat} if t is not None]`, axis)
}

const rearrange: Print = (p, [x], { pattern, sizes }) => {
  const given = sizes as Readonly<Record<string, number>>
  const size = (axis: string) => (given[axis] === undefined ? undefined : p.num(`sizes.${axis}`, given[axis]))
  const methods = rearrangeMethods(pattern as string, size)
  const added = methods.flatMap(([name, axis]) => (name === "unsqueeze" ? [Number(axis)] : []))
  // Several new axes read better as an index: x[:, :, None, None].
  if (added.length > 1 && added.length === methods.length)
    return item(x!, Array.from({ length: added.at(-1)! + 1 }, (_, i) => (added.includes(i) ? "None" : ":")).join(", "))
  return methods.reduce((e, [name, args]) => method(e, name, args), x!)
}

const first = (x: Expr): string => `${bound(x, "atom")}.shape[0]`
/** x.new_full((n, …), value): a constant for each image of a batch. */
export const filled = (like: Expr, shape: readonly number[], value: number): Expr =>
  method(like, "new_full", tuple([first(like), ...shape.slice(1).map(number)]), float(value))

const same =
  (name: string): Print =>
  (_, [x]) =>
    call(name, x!)

/** Total: a function of the language that cannot be printed does not compile. `either` is a branch (blocks.ts). */
export const prints: { readonly [F in Exclude<FunctionName, "either">]: Print } = {
  add: (_, [x, y]) => plus(x!, y!),
  sub: (_, [x, y]) => minus(x!, y!),
  mul: (_, [x, y]) => times(x!, y!),
  div: (_, [x, y]) => over(x!, y!),
  scale,
  shift,
  matmul: (_, [x, y]) => at(x!, y!),
  relu: same("F.relu"),
  gelu: same("F.gelu"),
  sigmoid: same("torch.sigmoid"),
  tanh: same("torch.tanh"),
  sin: same("torch.sin"),
  cos: same("torch.cos"),
  exp: same("torch.exp"),
  log: same("torch.log"),
  softmax: (_, [x]) => method(x!, "softmax", "-1"),
  equals: (_, [x], attrs) => method(method(x!, "eq", number(num(attrs, "value"))), "float"),
  constant,
  rearrange,
  concat,
  slice: (_, [x], attrs) => {
    const [start, end] = [num(attrs, "start"), num(attrs, "end")]
    return sliced(x!, num(attrs, "axis"), `${start === 0 ? "" : start}:${end}`)
  },
  mean: (_, [x], attrs) => method(x!, "mean", number(num(attrs, "axis"))),
  sum: (_, [x], attrs) => method(x!, "sum", number(num(attrs, "axis"))),
  pad: (_, [x], attrs) => {
    const [axis, before, after] = [num(attrs, "axis"), num(attrs, "before"), num(attrs, "after")]
    // F.pad counts axes from the last; an axis counted from the first needs to know how many there are.
    const last = axis < 0 ? `${-axis - 1}` : `${bound(x!, "atom")}.dim() - ${axis + 1}`
    return call("F.pad", x!, `[0, 0] * (${last}) + [${before}, ${after}]`)
  },
  roll: (_, [x], attrs) =>
    call("torch.roll", x!, keyword("shifts", number(num(attrs, "by"))), keyword("dims", number(num(attrs, "axis")))),
  padLike: (p, args) => call(p.helper("pad_like"), ...args),
  gather: (p, [x], { indices, formula, of }) =>
    formula === undefined
      ? item(x!, `[${(indices as readonly number[]).join(", ")}]`)
      : call(p.helper("gather"), x!, string(formula as string), tuple((of as readonly number[]).map(number))),
  repeatBatch: (p, [x, like]) =>
    p.rank === undefined
      ? call(p.helper("repeat_batch"), x!, like!)
      : method(x!, "expand", first(like!), ...Array<string>(p.rank - 1).fill("-1")),
  repeatEach: (p, [x, like]) => call(p.helper("repeat_each"), x!, like!),
  meanEach: (_, [x, like]) => method(method(x!, "unflatten", "0", `(${first(like!)}, -1)`), "mean", "1"),
  windows: (p, [x], attrs) => call(p.helper("windows"), x!, p.num("size", num(attrs, "size"))),
  unwindows: (p, [x, like], attrs) =>
    call(p.helper("unwindows"), x!, p.num("size", num(attrs, "size")), keyword("like", like!)),
  attention: (p, args, attrs) =>
    call(p.helper("attention"), ...args, keyword("heads", p.num("heads", num(attrs, "heads")))),
  relPosAttention: (p, args, attrs) =>
    call(p.helper("rel_pos_attention"), ...args, keyword("heads", p.num("heads", num(attrs, "heads")))),
  resize: (p, [x], attrs) =>
    call(
      p.helper("resize"),
      x!,
      `(${p.num("height", num(attrs, "height"))}, ${p.num("width", num(attrs, "width"))})`,
      ...(attrs["mode"] === undefined || attrs["mode"] === "bilinear" ? [] : [string(attrs["mode"] as string)]),
      ...(attrs["corners"] === undefined ? [] : [keyword("align_corners", "True")]),
    ),
  resizeTo: (p, [x], { size }) => call(p.helper("resize"), x!, snake(size as string)),
  padTo: (p, [x], attrs) => call(p.helper("pad_to"), x!, p.num("size", num(attrs, "size"))),
  cropLike: (_, [x, like]) => {
    const side = (axis: number) => `: ${bound(like!, "atom")}.shape[${axis}]`
    return item(x!, `..., ${side(2)}, ${side(3)}`)
  },
  pixelCentres: (p, _, attrs) =>
    call(
      p.helper("pixel_centres"),
      p.num("height", num(attrs, "height")),
      p.num("width", num(attrs, "width")),
      p.someTensor(),
    ),
}
