/** Specs as users write them, of models that are not SAM: no cast, no `!`. */
export const unet = `import {
  adam, batchNorm2d, classes, convTranspose2d, conv2d, define, features, forward, maxPool2d, model, pixels, relu, sequential, training, unitRange,
} from "hasam"

const twice = (takes: number, gives: number) =>
  sequential(
    ...[conv2d(takes, gives, 3, { padding: 1, bias: false }), batchNorm2d(gives), relu] as const,
    ...[conv2d(gives, gives, 3, { padding: 1, bias: false }), batchNorm2d(gives), relu] as const,
  )
/** One level; odd sizes are padded to the skip's. */
const network = (channels: number, count: number, w: number) =>
  define(
    "UNet",
    {
      inc: twice(channels, w),
      pool: maxPool2d(2),
      down: twice(w, 2 * w),
      up: convTranspose2d(2 * w, w, 2, { stride: 2 }),
      conv: twice(2 * w, w),
      outc: conv2d(w, count, 1),
    },
    { image: features(channels) },
    (m, { image }) => {
      const x1 = m.inc(image)
      const up = forward.pad(m.up(m.down(m.pool(x1))), 3, 0, 1)
      return { logits: m.outc(m.conv(forward.concat([x1, up], 1))) }
    },
  )
export const unet = model(network(1, 3, 4), {
  name: "U-Net",
  takes: { image: pixels({ size: [96, 127], channels: 1, fit: "longestSide", ...unitRange }) },
  teaches: { logits: classes("background", "nerve", "vessel") },
})
export const how = training(unet, { epochs: 2, batch: 2, optimizer: adam({ rate: 3e-3 }) })
`

/** Asked by a click: the image becomes features once, and each click multiplies them. */
export const promptable = `import {
  adam, at, adapt, conv2d, define, features, freezeAll, gelu, layerNorm, linear, masks, model, optional, forward, pipe, pixels, points, boxes,
  relu, repeat, residual, sequential, training, uniform, unitRange, whenGiven, type Rank,
} from "hasam"

const w = 8
const block = () =>
  define("Block", { norm: layerNorm(w), fc1: linear(w, 2 * w), act: gelu, fc2: linear(2 * w, w) }, features(w), (m, x) =>
    forward.add(x, m.fc2(m.act(m.fc1(m.norm(x))))),
  )
const network = define(
  "Clicker",
  {
    stem: conv2d(1, w, 4, { stride: 4 }),
    layers: repeat(3, block),
    click: linear(2, w),
    corners: linear(4, w),
    bias: linear(w, w),
  },
  { picture: features(1), where: optional(2), sign: optional(1), rectangle: optional(4) },
  (m, { picture, where, sign, rectangle }) => {
    const map = m.layers(forward.rearrange<8>(m.stem(picture), "b c h w -> b h w c"))
    const asked = whenGiven(where, (xy) => forward.mean(m.click(forward.scale(xy, 1 / 32)), 1))
    const boxed = whenGiven(rectangle, (corners) => m.corners(forward.scale(corners, 1 / 32)))
    const question = m.bias(forward.mean(forward.rearrange(forward.concat([asked, boxed], 0), "b c -> b 1 c"), 1))
    const answer = forward.matmul(
      forward.rearrange(map, "b h w c -> b (h w) c"),
      forward.rearrange(question, "b c -> b c 1"),
    )
    return { map, logits: forward.rearrange(answer, "b (h w) 1 -> b 1 h w", { h: 8 }) }
  },
)
export const clicker = model(network, {
  name: "Clicker",
  takes: {
    picture: pixels({ size: [32, 48], channels: 1, ...unitRange }),
    ...points({ coords: "where", labels: "sign" }),
    ...boxes({ name: "rectangle" }),
  },
  teaches: { logits: masks() },
  keeps: ["map"],
  blocks: "layers",
})
const adapter = (rank: Rank) => residual(sequential(linear(w, rank), relu, linear(rank, w)))
export const adapted = pipe(clicker, freezeAll, adapt(uniform(3, 2), (rank) => [at("fc2").after(adapter(rank))]))
export const how = training(adapted, { epochs: 2, batch: 2, optimizer: adam({ rate: 3e-3 }) })
`
