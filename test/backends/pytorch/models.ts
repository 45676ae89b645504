/** Models of every kind of layer, for the generated modules. */
import {
  avgPool2d,
  batchNorm2d,
  conv2d,
  convTranspose2d,
  define,
  depthwiseConv2d,
  features,
  forward,
  freezeAll,
  gelu,
  globalAveragePool,
  groupNorm,
  identity,
  type Layer,
  layerNorm2d,
  linear,
  list,
  type Model,
  masks,
  maxPool2d,
  model,
  mse,
  parallel,
  parameter,
  pipe,
  pixels,
  point,
  relu,
  residual,
  sequential,
  sigmoid,
  skipConcat,
  submodule,
  tanh,
  training,
  unfreeze,
  upsample,
} from "../../../src/dsl/index.ts"

const any = (layer: unknown): Layer<any, any> => layer as Layer<any, any>

const double = (takes: number, gives: number) =>
  any(
    sequential(
      any(conv2d(takes, gives, 3, { padding: 1, bias: false })),
      any(batchNorm2d(gives)),
      relu,
      any(conv2d(gives, gives, 3, { padding: 2, dilation: 2, groups: 2 })),
      any(groupNorm(2, gives)),
      gelu,
    ),
  )
const inner = any(
  sequential(
    maxPool2d(2),
    double(8, 12),
    any(residual(any(depthwiseConv2d(12, 3, { padding: 1 })))),
    any(convTranspose2d(12, 8, 3, { stride: 2, padding: 1, outputPadding: 1 })),
    any(layerNorm2d(8)),
  ),
)
const body = any(
  sequential(
    double(3, 8),
    any(skipConcat(inner)),
    any(parallel(any(conv2d(16, 4, 1)), any(sequential(any(conv2d(16, 4, 3, { padding: 1 })), tanh)))),
    avgPool2d(2, { stride: 2 }),
    upsample(2),
    identity,
    any(conv2d(4, 1, 1)),
  ),
)
/** A U-Net of one level, of all layers of images, everything learning. */
export const unet = model(body, {
  name: "U-Net",
  takes: { image: pixels({ size: [12, 16] }) },
  teaches: { masks: masks() },
})
/** The same with only its first convolutions learning: the inner batch norm is frozen. */
export const partlyFrozen: Model<any, any> = pipe(unet, freezeAll, unfreeze(submodule("0")) as never)

/** Points from an image: a module with steps of all kinds. */
const localizer = define(
  "Localizer",
  {
    offset: parameter([1, 6, 1, 1], { normal: 0.5 }),
    stem: any(conv2d(3, 6, 3, { stride: 2, padding: 1 })),
    blocks: [any(conv2d(6, 6, 1)), any(conv2d(6, 6, 1)), any(conv2d(6, 6, 1))],
    pool: any(globalAveragePool),
    head: any(list([linear(12, 5), linear(5, 2)])) as never,
    act: any(sigmoid),
  },
  features(3),
  (m: any, x) => {
    const { add, concat, mean, mul, rearrange, scale, shift, slice, softmax, sub } = forward
    const y = add(m.stem(x), m.offset)
    const stack = concat(
      m.blocks.map((block: any) => rearrange(block(y), "b c h w -> b 1 c h w")),
      1,
    )
    const pooled = m.pool(mean(stack, 1))
    const grid = softmax(rearrange(y, "b c (rows h) (columns w) -> b c (rows columns) (h w)", { rows: 2, columns: 2 }))
    const spread = mean(mean(mul(grid, grid), 3), 2)
    const both = concat([shift(scale(pooled, 0.3), -0.25), sub(spread, pooled)], -1)
    return m.act(m.head[1](m.head[0](add(both, scale(slice(concat([both, both], -1), -1, 6, 18), 0.5)))))
  },
)
/** Children whose names are no Python's, and a factor of 0. */
const numbered = define(
  "Numbered",
  {
    0: any(conv2d(3, 4, 3, { padding: 1 })),
    1: parameter([1, 4, 1, 1], { normal: 0.5 }),
    lambda: [any(conv2d(4, 4, 1)), any(conv2d(4, 4, 1))],
    "my-layer": any(define("Inner", { 0: parameter([1], { normal: 1 }) }, features(4), (m, x) => forward.mul(x, m[0]))),
    last: any(conv2d(4, 1, 1)),
  },
  features(3),
  (m: any, x) => {
    const y = forward.add(m[0](x), m[1])
    const z = forward.add(m.lambda[1](m.lambda[0](y)), forward.scale(y, 0))
    return m.last(forward.mul(m["my-layer"](z), forward.constant([2], [1])))
  },
)
export const names = model(numbered, {
  name: "Numbered",
  takes: { image: pixels({ size: [12, 16] }) },
  teaches: { masks: masks() },
})
export const points = model(localizer, {
  name: "Localizer",
  takes: { image: pixels({ size: [12, 8] }) },
  teaches: { point: point() },
})
export const pointsTraining = training(points, { loss: mse() })
