/** Layers as the expressions that make them: `nn.Linear(768, 31)`. */
import type { BufferData, LayerData, LinearData, Pair } from "../../dsl/layer.ts"
import type { Of } from "./numbers.ts"
import {
  atom,
  bracketed,
  call,
  type Expr,
  float,
  isIdentifier,
  keyword,
  list,
  number,
  string,
  tuple,
} from "./python.ts"

export interface Making {
  /** The number at a place: digits, or the name of an argument. */
  readonly num: (place: string, value: number) => string
  /** A module's class, called. */
  readonly module: (path: string) => Expr
  /** Says that model.py needs a helper, and gives its name. */
  readonly helper: (name: string) => string
  /** A line's comment, if the layer has a place in the spec. */
  readonly comment: (layer: LayerData) => string | undefined
  /** Is this embedding called with ids, and not only read as a table? */
  readonly isCalled: (path: string) => boolean
}
type Rule<K extends LayerData["kind"]> = (make: Making, layer: Of<K>, path: string) => Expr

/** One number where both directions agree. */
const pair = ([y, x]: Pair): string => (y === x ? number(y) : `(${number(y)}, ${number(x)})`)
const unless = (name: string, value: Pair, usual: number): readonly Expr[] =>
  value[0] === usual && value[1] === usual ? [] : [keyword(name, pair(value))]
const flag = (name: string, on: boolean): readonly Expr[] => (on ? [] : [keyword(name, "False")])

/** An initial value as initial.py has it. */
export const initial = (make: Making, init: BufferData["init"]): Expr => {
  if ("fill" in init) return call(make.helper("Fill"), float(init.fill))
  if ("normal" in init) return call(make.helper("Normal"), float(init.normal))
  if ("uniform" in init) return call(make.helper("Uniform"), float(init.uniform))
  if ("formula" in init) return call(make.helper("Formula"), string(init.formula), tuple(init.of.map(number)))
  return call(make.helper("Values"), tuple(init.values.map(float)))
}
const starting = (make: Making, layer: { readonly init?: BufferData["init"] }, e: Expr): Expr =>
  layer.init === undefined ? e : call(make.helper("starting"), e, initial(make, layer.init))

const linear = (make: Making, layer: LinearData, path: string): Expr => {
  const sizes = [make.num(`${path}:takes`, layer.takes), make.num(`${path}:gives`, layer.gives)]
  const bias = flag("bias", layer.bias)
  const { lora = [] } = layer
  if (lora.length === 0) return starting(make, layer, call("nn.Linear", ...sizes, ...bias))
  const updates = lora.map(({ target, rank, scale, offset, gives }, i) =>
    call(
      make.helper("Lora"),
      string(target),
      keyword("rank", make.num(`${path}:lora.${i}.rank`, rank)),
      keyword("first", make.num(`${path}:lora.${i}.offset`, offset)),
      keyword("rows", make.num(`${path}:lora.${i}.gives`, gives)),
      keyword("scale", make.num(`${path}:lora.${i}.scale`, scale)),
    ),
  )
  return starting(make, layer, call(make.helper("LoraLinear"), ...sizes, ...updates, ...bias))
}

const convolution = (name: string) => (make: Making, layer: Of<"conv2d"> | Of<"convTranspose2d">, path: string) => {
  const eps = layer.kind === "conv2d" ? layer.standardised : undefined
  return starting(
    make,
    layer,
    call(
      eps === undefined ? name : make.helper("StandardisedConv2d"),
      make.num(`${path}:takes`, layer.takes),
      make.num(`${path}:gives`, layer.gives),
      pair(layer.kernel),
      ...unless("stride", layer.stride, 1),
      ...unless("padding", layer.padding, 0),
      ...(layer.kind === "convTranspose2d" ? unless("output_padding", layer.outputPadding, 0) : []),
      ...unless("dilation", layer.dilation, 1),
      ...(layer.groups === 1 ? [] : [keyword("groups", make.num(`${path}:groups`, layer.groups))]),
      ...flag("bias", layer.bias),
      ...(eps === undefined ? [] : [keyword("eps", float(eps))]),
    ),
  )
}
const conv1d = (make: Making, layer: Of<"conv1d">, path: string): Expr =>
  starting(
    make,
    layer,
    call(
      "nn.Conv1d",
      make.num(`${path}:takes`, layer.takes),
      make.num(`${path}:gives`, layer.gives),
      number(layer.kernel),
      ...(layer.stride === 1 ? [] : [keyword("stride", number(layer.stride))]),
      ...(layer.padding === 0 ? [] : [keyword("padding", number(layer.padding))]),
      ...(layer.dilation === 1 ? [] : [keyword("dilation", number(layer.dilation))]),
      ...(layer.groups === 1 ? [] : [keyword("groups", make.num(`${path}:groups`, layer.groups))]),
      ...flag("bias", layer.bias),
    ),
  )
const batchNorm = (name: string) => (make: Making, layer: Of<"batchNorm2d">, path: string) =>
  call(
    name,
    make.num(`${path}:gives`, layer.gives),
    ...eps(layer.eps, 1e-5),
    ...(layer.momentum === 0.1 ? [] : [keyword("momentum", float(layer.momentum))]),
    ...flag("affine", layer.affine),
  )

const pool =
  (name: string) =>
  (_: Making, { kernel, stride, padding }: Of<"maxPool2d" | "avgPool2d">) =>
    call(
      name,
      pair(kernel),
      ...(stride[0] === kernel[0] && stride[1] === kernel[1] ? [] : [keyword("stride", pair(stride))]),
      ...unless("padding", padding, 0),
    )

const eps = (value: number, usual: number) => (value === usual ? [] : [keyword("eps", float(value))])
const inside = (make: Making, layers: readonly LayerData[], path: string, names?: readonly string[]): readonly Expr[] =>
  layers.map((layer, i) => {
    const e = construct(make, layer, `${path}/${names?.[i] ?? i}`)
    const comment = make.comment(layer)
    return comment === undefined ? e : { ...e, comment }
  })

/** Lists of layers have a line for each: they are read from top to bottom. */
const stacked = (head: string, layers: readonly Expr[], ...rest: readonly Expr[]): Expr => ({
  ...call(head, ...layers, ...rest),
  ...(layers.length > 1 ? { always: true } : {}),
})

/** Total: a layer of the language that cannot be printed does not compile. */
const rules: { readonly [K in LayerData["kind"]]: Rule<K> } = {
  linear,
  conv2d: convolution("nn.Conv2d"),
  conv1d,
  convTranspose2d: convolution("nn.ConvTranspose2d"),
  layerNorm: (make, layer, path) =>
    call("nn.LayerNorm", make.num(`${path}:gives`, layer.gives), ...eps(layer.eps, 1e-5)),
  layerNorm2d: (make, layer, path) =>
    call(make.helper("LayerNorm2d"), make.num(`${path}:gives`, layer.gives), ...eps(layer.eps, 1e-6)),
  batchNorm2d: batchNorm("nn.BatchNorm2d"),
  batchNorm1d: batchNorm("nn.BatchNorm1d"),
  groupNorm: (make, layer, path) =>
    call(
      "nn.GroupNorm",
      make.num(`${path}:groups`, layer.groups),
      make.num(`${path}:gives`, layer.gives),
      ...eps(layer.eps, 1e-5),
    ),
  embedding: (make, layer, path) =>
    call(
      make.isCalled(path) ? make.helper("Embedding") : "nn.Embedding",
      make.num(`${path}:rows`, layer.rows),
      make.num(`${path}:gives`, layer.gives),
    ),
  relu: () => call("nn.ReLU"),
  gelu: () => call("nn.GELU"),
  sigmoid: () => call("nn.Sigmoid"),
  tanh: () => call("nn.Tanh"),
  identity: () => call("nn.Identity"),
  dropout: (_, { p = 0 }) => call("nn.Dropout", float(p)),
  dropPath: (make, { p = 0 }, path) => call(make.helper("DropPath"), make.num(`${path}:p`, p)),
  maxPool2d: pool("nn.MaxPool2d"),
  avgPool2d: pool("nn.AvgPool2d"),
  globalAveragePool: (make) => call(make.helper("GlobalAveragePool")),
  upsample: (_, { factor = 2, how: { mode, alignCorners } = { mode: "bilinear", alignCorners: false } }) =>
    call(
      "nn.Upsample",
      keyword("scale_factor", float(factor)),
      ...(mode === "nearest" ? [] : [keyword("mode", string(mode))]),
      ...(alignCorners ? [keyword("align_corners", "True")] : []),
      // For factors that are not whole: positions follow from the sizes, as they do elsewhere.
      ...(Number.isInteger(factor) ? [] : [keyword("recompute_scale_factor", "True")]),
    ),
  parameter: (make, { shape }, path) =>
    call("nn.Parameter", call("torch.zeros", ...shape.map((n, i) => make.num(`${path}:shape.${i}`, n)))),
  buffer: (make, { shape, init }, path) => {
    if (!("values" in init)) return call("torch.zeros", ...shape.map((n, i) => make.num(`${path}:shape.${i}`, n)))
    const flat = call("torch.tensor", atom(`[${init.values.map(float).join(", ")}]`))
    return shape.length === 1 ? flat : call(`${flat.flat}.view`, ...shape.map(number))
  },
  sequential: (make, { layers, names }, path) => {
    const made = inside(make, layers, path, names)
    if (names === undefined) return stacked("nn.Sequential", made)
    const named = made.map((e, i) => (isIdentifier(names[i]!) ? keyword(names[i]!, e) : e))
    if (names.every(isIdentifier)) return stacked(make.helper("Chain"), named)
    const pairs = made.map((e, i) => `${string(names[i]!)}: ${e.flat}`)
    return call(make.helper("Chain"), bracketed("**{", pairs, "}"))
  },
  list: (make, { layers }, path) =>
    call("nn.ModuleList", { ...list(inside(make, layers, path)), always: layers.length > 1 }),
  residual: (make, { layer }, path) =>
    layer.kind === "sequential"
      ? stacked(make.helper("Residual"), inside(make, layer.layers, `${path}/`, layer.names))
      : call(make.helper("residual"), construct(make, layer, `${path}/`)),
  parallel: (make, { layers, join: how }, path) =>
    stacked(make.helper(how === "concat" ? "ParallelConcat" : "ParallelSum"), inside(make, layers, path)),
  module: (make, _, path) => make.module(path),
  shared: (make, { layer }, path) => construct(make, layer, `${path}/`),
}

/** The expression that makes a layer; its path is that of numbers.ts. */
export const construct = (make: Making, layer: LayerData, path: string): Expr =>
  (rules[layer.kind] as Rule<any>)(make, layer as never, path)
