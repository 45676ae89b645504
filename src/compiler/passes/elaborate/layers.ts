/** What each layer does, in ops of the graph. */
import type {
  BatchNormData,
  Conv1dData,
  Conv2dData,
  ConvTranspose2dData,
  GroupNormData,
  LayerData,
  LinearData,
  ResidualData,
} from "../../../dsl/layer.ts"
import { takesOther } from "../../../dsl/sentences.ts"
import { childrenOf, join } from "../../../dsl/tensors.ts"
import type { Conv2dAttrs, Shape } from "../../ir/graph.ts"
import { type Context, WrongWidths, within } from "./context.ts"
import { resized } from "./functions.ts"
import { runModule } from "./module.ts"

type Of<K extends LayerData["kind"]> = Extract<LayerData, { readonly kind: K }>
type Rule<K extends LayerData["kind"]> = (ctx: Context, layer: Of<K>, path: string, x: number) => number

const tensor = ({ b }: Context, path: string, name: string, shape: Shape): number =>
  b.parameter(join(path, name), shape)

const linear = (ctx: Context, layer: LinearData, path: string, x: number): number => {
  const { b } = ctx
  const { takes, gives, bias, lora = [] } = layer
  const width = b.shapeOf(x).at(-1)
  if (width !== takes) throw new WrongWidths(takesOther(takes, width ?? 0))
  const weight = tensor(ctx, path, "weight", [gives, takes])
  const y = bias ? b.linear(x, weight, tensor(ctx, path, "bias", [gives])) : b.linear(x, weight)
  return lora.reduce((sum, { target, rank, scale, offset, gives: rows }) => {
    const suffix = target === "" ? "" : `_${target}`
    // From where their tensors are, so that costs of the update are told from those of the layer.
    const [a, c] = [`lora_a${suffix}`, `lora_b${suffix}`]
    const down = b.from(join(path, a), () => b.linear(x, tensor(ctx, path, `${a}.weight`, [rank, takes])))
    return b.from(join(path, c), () => {
      const up = b.scale(b.linear(down, tensor(ctx, path, `${c}.weight`, [rows, rank])), scale)
      const zeros = b.shapeOf(y).map(() => 0)
      const before = zeros.with(-1, offset)
      const after = zeros.with(-1, gives - offset - rows)
      return b.add(sum, b.pad(up, before, after))
    })
  }, y)
}

const geometry = ({ stride, padding: [y, x], dilation, groups }: Conv2dData | ConvTranspose2dData): Conv2dAttrs => ({
  stride,
  padding: [y, x, y, x],
  dilation,
  groups,
})

const perChannel = ({ b }: Context, v: number): number => b.reshape(v, [b.shapeOf(v)[0]!, 1, 1])

const withBias = (
  ctx: Context,
  y: number,
  layer: { readonly bias: boolean; readonly gives: number },
  path: string,
): number => (layer.bias ? ctx.b.add(y, perChannel(ctx, tensor(ctx, path, "bias", [layer.gives]))) : y)

const channels = ({ b }: Context, x: number, takes: number): void => {
  const shape = b.shapeOf(x)
  if (shape.length !== 4)
    throw new Error(`a convolution takes images [batch, channels, height, width], but gets [${shape.join(", ")}]`)
  if (shape[1] !== takes) throw new WrongWidths(takesOther(takes, shape[1] ?? 0))
}

/** Each filter less its mean, over its deviation. */
const standardised = ({ b }: Context, weight: number, eps: number): number => {
  const axes = { axes: [1, 2, 3], keepDims: true }
  const centred = b.sub(weight, b.reduceMean(weight, axes))
  return b.div(centred, b.sqrt(b.shift(b.reduceMean(b.mul(centred, centred), axes), eps)))
}
const conv2d = (ctx: Context, layer: Conv2dData, path: string, x: number): number => {
  channels(ctx, x, layer.takes)
  const stored = tensor(ctx, path, "weight", [layer.gives, layer.takes / layer.groups, ...layer.kernel])
  const weight = layer.standardised === undefined ? stored : standardised(ctx, stored, layer.standardised)
  return withBias(ctx, ctx.b.conv2d(x, weight, geometry(layer)), layer, path)
}

/** Of an image one pixel high. */
const conv1d = (ctx: Context, layer: Conv1dData, path: string, x: number): number => {
  const { b } = ctx
  const { takes, gives, kernel, stride, padding, dilation, groups } = layer
  const shape = b.shapeOf(x)
  if (shape.length !== 3)
    throw new Error(`conv1d takes sequences [batch, channels, places], but gets [${shape.join(", ")}]`)
  const [n, c, places] = shape as [number, number, number]
  if (c !== takes) throw new WrongWidths(takesOther(takes, c))
  const weight = tensor(ctx, path, "weight", [gives, takes / groups, kernel])
  const y = b.conv2d(b.reshape(x, [n, c, 1, places]), b.reshape(weight, [gives, takes / groups, 1, kernel]), {
    stride: [1, stride],
    padding: [0, padding, 0, padding],
    dilation: [1, dilation],
    groups,
  })
  const [, , , after] = b.shapeOf(y) as [number, number, number, number]
  return b.reshape(withBias(ctx, y, layer, path), [n, gives, after])
}

/** The gradient of a convolution with respect to its input, with x in the gradient's place. */
const convTranspose2d = (ctx: Context, layer: ConvTranspose2dData, path: string, x: number): number => {
  channels(ctx, x, layer.takes)
  const { kernel, stride, padding, outputPadding, dilation, takes, gives, groups } = layer
  const weight = tensor(ctx, path, "weight", [takes, gives / groups, ...kernel])
  const side = (axis: 0 | 1): number => {
    const extent = ctx.b.shapeOf(x)[axis + 2]!
    return (
      (extent - 1) * stride[axis] - 2 * padding[axis] + dilation[axis] * (kernel[axis] - 1) + outputPadding[axis] + 1
    )
  }
  const y = ctx.b.conv2dInputGrad(x, weight, { ...geometry(layer), inputSize: [side(0), side(1)] })
  return withBias(ctx, y, layer, path)
}

const affine = (ctx: Context, x: number, width: number, path: string): number => {
  const weight = perChannel(ctx, tensor(ctx, path, "weight", [width]))
  const bias = perChannel(ctx, tensor(ctx, path, "bias", [width]))
  return ctx.b.add(ctx.b.mul(x, weight), bias)
}

/** (x − mean) / √(variance + eps) */
const normalised = ({ b }: Context, x: number, mean: number, variance: number, eps: number): number =>
  b.div(b.sub(x, mean), b.sqrt(b.shift(variance, eps)))

const parentOf = (path: string): string => path.slice(0, Math.max(0, path.lastIndexOf(".")))

/** Frozen, it uses its running statistics and leaves them; learning, the batch's, and they move. */
const batchNorm2d = (ctx: Context, layer: BatchNormData, path: string, x: number): number => {
  const { b } = ctx
  const { gives: width, eps, momentum } = layer
  channels(ctx, x, width)
  const runningMean = tensor(ctx, path, "running_mean", [width])
  const runningVar = tensor(ctx, path, "running_var", [width])
  const learns = ctx.learnsUnder(layer.affine ? path : parentOf(path))
  const finish = (y: number) => (layer.affine ? affine(ctx, y, width, path) : y)
  if (!ctx.training || !learns)
    return finish(normalised(ctx, x, perChannel(ctx, runningMean), perChannel(ctx, runningVar), eps))

  const axes = { axes: [0, 2, 3], keepDims: true }
  const [n, , h, w] = b.shapeOf(x) as [number, number, number, number]
  const mean = b.reduceMean(x, axes)
  const centred = b.sub(x, mean)
  const variance = b.reduceMean(b.mul(centred, centred), axes)
  const move = (running: number, newest: number) =>
    b.add(b.scale(running, 1 - momentum), b.scale(b.reshape(newest, [width]), momentum))
  const count = n * h * w
  ctx.updates.set(join(path, "running_mean"), move(runningMean, mean))
  // PyTorch keeps the unbiased variance.
  ctx.updates.set(join(path, "running_var"), move(runningVar, b.scale(variance, count / Math.max(1, count - 1))))
  return finish(b.div(centred, b.sqrt(b.shift(variance, eps))))
}

/** Of images one pixel high, and one wide where there is a vector only. */
const batchNorm1d = (ctx: Context, layer: BatchNormData, path: string, x: number): number => {
  const shape = ctx.b.shapeOf(x)
  if (shape.length !== 2 && shape.length !== 3)
    throw new Error(`batchNorm1d takes [batch, features] or [batch, features, places], not [${shape.join(", ")}]`)
  const [n, width, places = 1] = shape as [number, number, number | undefined]
  return ctx.b.reshape(batchNorm2d(ctx, layer, path, ctx.b.reshape(x, [n, width, 1, places])), shape)
}

const groupNorm = (ctx: Context, { groups, gives, eps }: GroupNormData, path: string, x: number): number => {
  const { b } = ctx
  const shape = b.shapeOf(x)
  const flat = b.reshape(x, [shape[0]!, groups, shape.slice(1).reduce((n, extent) => n * extent, 1) / groups])
  const axes = { axes: [2], keepDims: true }
  const mean = b.reduceMean(flat, axes)
  const centred = b.sub(flat, mean)
  const variance = b.reduceMean(b.mul(centred, centred), axes)
  const y = b.div(centred, b.sqrt(b.shift(variance, eps)))
  return affine(ctx, b.reshape(y, shape), gives, path)
}

const layerNorm = (
  ctx: Context,
  { gives, eps }: { readonly gives: number; readonly eps: number },
  path: string,
  x: number,
): number => {
  const width = ctx.b.shapeOf(x).at(-1)
  if (width !== gives) throw new WrongWidths(takesOther(gives, width ?? 0))
  return ctx.b.layerNorm(x, tensor(ctx, path, "weight", [gives]), tensor(ctx, path, "bias", [gives]), { eps })
}

/** residual(sequential(linear, relu, linear)), with biases: the op `adapter`, for which backends may have a kernel. */
const bottleneck = ({ layer }: ResidualData): readonly [LinearData, LinearData] | undefined => {
  if (layer.kind !== "sequential" || layer.layers.length !== 3) return undefined
  const [down, act, up] = layer.layers as [LayerData, LayerData, LayerData]
  const plain = (l: LayerData): l is LinearData => l.kind === "linear" && l.bias && l.lora === undefined
  return plain(down) && act.kind === "relu" && plain(up) && down.gives === up.takes && down.takes === up.gives
    ? [down, up]
    : undefined
}

const residual = (ctx: Context, layer: ResidualData, path: string, x: number): number => {
  const { b } = ctx
  const pair = bottleneck(layer)
  if (pair === undefined || pair[0].takes !== b.shapeOf(x).at(-1)) {
    const y = run(ctx, layer.layer, path, x)
    if (b.shapeOf(y).join() !== b.shapeOf(x).join())
      throw new Error(`x + f(x) needs f to give back [${b.shapeOf(x).join(", ")}], not [${b.shapeOf(y).join(", ")}]`)
    return b.add(x, y)
  }
  const [down, up] = pair
  const of = (i: number, name: string, shape: Shape) => tensor(ctx, join(path, `${i}`), name, shape)
  return b.adapter(
    x,
    of(0, "weight", [down.gives, down.takes]),
    of(0, "bias", [down.gives]),
    of(2, "weight", [up.gives, up.takes]),
    of(2, "bias", [up.gives]),
  )
}

/** One mask for all that is left out together: `shape` broadcasts to x. */
const dropped = (ctx: Context, path: string, x: number, p: number, shape: Shape): number => {
  if (!ctx.training || p === 0) return x
  const name = `dropout/${ctx.dropouts.length}/${path}`
  ctx.dropouts.push({ name, shape, p })
  return ctx.b.mul(x, ctx.b.input(name, shape))
}

const uncallable = (what: string) => (): never => {
  throw new Error(`${what} is no layer that can be called`)
}

const symmetric = ([y, x]: readonly [number, number]): readonly [number, number, number, number] => [y, x, y, x]

/** Total: a layer of the language without a rule does not compile. */
const rules: { readonly [K in LayerData["kind"]]: Rule<K> } = {
  linear,
  conv2d,
  convTranspose2d,
  layerNorm,
  layerNorm2d: (ctx, layer, path, x) => {
    const pixels = ctx.b.transpose(x, [0, 2, 3, 1])
    return ctx.b.transpose(layerNorm(ctx, layer, path, pixels), [0, 3, 1, 2])
  },
  conv1d,
  batchNorm2d,
  batchNorm1d,
  groupNorm,
  embedding: (ctx, { rows, gives }, path, x) =>
    ctx.b.matmul(ctx.b.oneHot(x, { classes: rows }), tensor(ctx, path, "weight", [rows, gives])),
  relu: ({ b }, _, __, x) => b.relu(x),
  gelu: ({ b }, _, __, x) => b.gelu(x),
  sigmoid: ({ b }, _, __, x) => b.sigmoid(x),
  tanh: ({ b }, _, __, x) => b.tanh(x),
  identity: (_, __, ___, x) => x,
  dropout: (ctx, { p = 0 }, path, x) => dropped(ctx, path, x, p, ctx.b.shapeOf(x)),
  dropPath: (ctx, { p = 0 }, path, x) => {
    const [n = 1, ...rest] = ctx.b.shapeOf(x)
    return dropped(ctx, path, x, p, [n, ...rest.map(() => 1)])
  },
  maxPool2d: ({ b }, { kernel, stride, padding }, _, x) =>
    b.maxPool2d(x, { kernel, stride, padding: symmetric(padding) }),
  avgPool2d: ({ b }, { kernel, stride, padding }, _, x) =>
    b.avgPool2d(x, { kernel, stride, padding: symmetric(padding) }),
  globalAveragePool: ({ b }, _, __, x) => b.reduceMean(x, { axes: [2, 3], keepDims: false }),
  upsample: ({ b }, { factor = 2, how }, _, x) => {
    const [, , h, w] = b.shapeOf(x) as [number, number, number, number]
    return resized(b, x, Math.floor(h * factor), Math.floor(w * factor), how)
  },
  sequential: (ctx, layer, path, x) =>
    childrenOf(layer).reduce((y, [name, child]) => run(ctx, child, join(path, name), y), x),
  residual,
  parallel: (ctx, { layers, join: how }, path, x) => {
    const outs = layers.map((layer, i) => run(ctx, layer, join(path, `${i}`), x))
    return how === "concat" ? ctx.b.concat(outs, 1) : outs.reduce((sum, y) => ctx.b.add(sum, y))
  },
  module: (ctx, layer, path, x) => {
    const needed = layer.inputs.filter((name) => !layer.optional.includes(name))
    if (needed.length > 1)
      throw new Error(
        `'${layer.name}' takes ${needed.join(", ")} by name, so it cannot stand where one value is passed on`,
      )
    const outs = runModule(ctx, layer, path, { [layer.inputs[0]!]: x }, run)
    return outs[Object.keys(layer.outputs)[0]!]!
  },
  shared: (ctx, { id, layer }, path, x) => run(ctx, layer, ctx.shared.get(id) ?? path, x),
  parameter: uncallable("a raw parameter"),
  buffer: uncallable("a buffer"),
  list: uncallable("a list"),
}

/** One layer on one value. */
export const run = (ctx: Context, layer: LayerData, path: string, x: number): number =>
  within(ctx, path, layer, () => (rules[layer.kind] as Rule<any>)(ctx, layer as never, path, x))
