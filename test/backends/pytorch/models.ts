/** Models of every kind of layer, for the generated modules. */
import {
  add,
  avgPool2d,
  batchNorm1d,
  batchNorm2d,
  bceWithLogits,
  boxes,
  chain,
  classes,
  points as clicks,
  conv1d,
  conv2d,
  convTranspose2d,
  define,
  depthwiseConv2d,
  dice,
  dropPath,
  features,
  forward,
  freezeAll,
  gelu,
  globalAveragePool,
  groupNorm,
  identity,
  ifGiven,
  type Layer,
  layerNorm2d,
  linear,
  list,
  type Model,
  masks,
  maxPool2d,
  model,
  mse,
  on,
  optional,
  parallel,
  parameter,
  pipe,
  pixels,
  point,
  relu,
  repeat,
  residual,
  sequential,
  shared,
  sigmoid,
  skipConcat,
  submodule,
  swinBlock,
  tanh,
  training,
  unfreeze,
  upsample,
  weighted,
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
    "my-layer": any(
      define("Inner", { 0: parameter([1], { normal: 1 }) }, features(4), (m: any, x) => forward.mul(x, m[0])),
    ),
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

const net = (planes: number) =>
  sequential(conv2d(1, 4, 3, { stride: 2, padding: 1 }), relu, conv2d(4, planes, 3, { padding: 1 }))
/** One channel, no square, half the resolution; normalised. */
export const masked = model(net(1), {
  name: "Masked",
  takes: { image: pixels({ size: [12, 16], channels: 1, mean: 90, deviation: 60 }) },
  teaches: { masks: masks() },
})
export const classified = model(net(3), {
  name: "Classified",
  takes: { image: pixels({ size: [12, 16], channels: 1, fit: "longestSide", mean: 90, deviation: 60 }) },
  teaches: { labels: classes("background", "nerve", "vessel") },
})
export const twoClasses = model(net(2), {
  name: "TwoClasses",
  takes: { image: pixels({ size: [12, 16], channels: 1, mean: 90, deviation: 60 }) },
  teaches: { labels: classes("background", "nerve") },
})
/** Three blocks, a batch norm before them. */
export const blocked = model(
  define(
    "Blocked",
    {
      stem: sequential(conv2d(3, 4, 3, { padding: 1 }), batchNorm2d(4)),
      blocks: repeat(3, () => residual(sequential(conv2d(4, 4, 3, { padding: 1 }), relu, conv2d(4, 4, 1)))),
      head: conv2d(4, 1, 1),
    },
    { image: features(3) },
    (m, { image }) => ({ masks: m.head(m.blocks(m.stem(image))) }),
  ),
  {
    name: "Blocked",
    takes: { image: pixels({ size: [12, 16], mean: 90, deviation: 60 }) },
    teaches: { masks: masks() },
    blocks: "blocks",
  },
)
/** Asked by clicks and corners, in names of its own; gives a mask and a point. */
const clickable = define(
  "Clickable",
  {
    stem: conv2d(3, 4, 3, { padding: 1 }),
    where: linear(2, 4),
    sign: parameter([4], { normal: 1 }),
    corner: linear(4, 4),
    head: conv2d(4, 1, 1),
    pool: globalAveragePool,
    out: linear(4, 2),
  },
  { picture: features(3), clickPlaces: optional(2), clickSigns: optional(1), corners: optional(4) },
  (m, { picture, clickPlaces, clickSigns, corners }) => {
    const { add, constant, mean, mul, rearrange, scale, sigmoid } = forward
    const x = m.stem(scale(picture, 1 / 255))
    const nothing = () => constant([0], [1, 4])
    const asked = ifGiven(
      clickPlaces,
      (places) => m.where(scale(mean(places, 1), 1 / 16)),
      () => ifGiven(corners, (given) => m.corner(scale(given, 1 / 16)), nothing),
    )
    const signed = ifGiven(clickSigns, (signs) => mul(m.sign, mean(rearrange(signs, "b n -> b n 1"), 1)), nothing)
    const y = add(x, rearrange(add(asked, signed), "b c -> b c 1 1"))
    return { found: m.head(y), middle: sigmoid(m.out(m.pool(y))) }
  },
)
export const clicked = model(clickable, {
  name: "Clickable",
  takes: {
    picture: pixels({ size: [12, 16], fit: "longestSide" }),
    ...clicks({ coords: "clickPlaces", labels: "clickSigns" }),
    ...boxes({ name: "corners" }),
  },
  teaches: { found: masks(), middle: point() },
})
export const clickedLoss = add(on("found", add(dice(), bceWithLogits())), weighted(2, on("middle", mse())))

const again = shared(conv2d(4, 4, 3, { padding: 1 }))
const scales = shared(parameter([4, 1, 1], { normal: 1 }))
const scaled = () => define("Scaled", { by: scales }, features(4), (m, x) => forward.mul(x, m.by))
/** A layer and a tensor in two places, and layers with names. */
export const tied = model(
  chain({
    first: conv2d(3, 4, 1),
    again,
    a: scaled(),
    act: relu,
    "once-more": again,
    b: scaled(),
    last: conv2d(4, 1, 1),
  }),
  { name: "Tied", takes: { image: pixels({ size: [6, 8] }) }, teaches: { masks: masks() } },
)
/** Shifted windows, standardised filters, sequences, every way of resizing. */
const windowed = define(
  "Windowed",
  {
    stem: conv2d(3, 4, 3, { padding: 1, standardised: 1e-5 }),
    whole: swinBlock(4, 2, [8, 8], 4),
    shifted: swinBlock(4, 2, [8, 8], 4, { shifted: true, dropPath: 0 }),
    across: conv1d(4, 6, 3, { padding: 1, stride: 4 }),
    norm: batchNorm1d(6, { momentum: 0.2 }),
    drop_path: dropPath(0),
    nearest: upsample(2, { mode: "nearest" }),
    aligned: upsample(2, { alignCorners: true }),
    table: parameter([16, 1], { normal: 0.5 }),
    last: conv2d(4, 1, 1),
  },
  features(3),
  (m, x) => {
    const { add, concat, distances, gather, mul, padLike, rearrange, resize } = forward
    const tokens = rearrange<4>(m.stem(x), "b c h w -> b (h w) c")
    const seen = m.shifted(m.whole(tokens))
    const image = rearrange<4>(seen, "b (h w) c -> b c h w", { h: 8 })
    const sequence = m.norm(m.across(rearrange<4>(m.drop_path(seen), "b n c -> b c n")))
    const small = rearrange(sequence, "b (c k) (h w) -> b c (h k) w", { k: 3, h: 2 })
    const large = add(m.nearest(resize(image, 4, 4, { mode: "bicubic" })), m.aligned(resize(image, 4, 4)))
    const pairs = rearrange(gather(m.table, distances([4, 4])), "(q k) 1 -> 1 1 q k", { q: 16 })
    const kept = padLike(mul(pairs, pairs), resize(image, 19, 17, { mode: "nearest" }))
    const both = add(large, resize(kept, 8, 8, { alignCorners: true }))
    return m.last(add(both, padLike(concat([small, small], 1), image)))
  },
)
export const shiftedWindows = model(windowed, {
  name: "Windowed",
  takes: { image: pixels({ size: 8 }) },
  teaches: { masks: masks() },
})
