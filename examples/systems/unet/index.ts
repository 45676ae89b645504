/**
 * U-Net (Ronneberger et al. 2015) as milesial/Pytorch-UNet has it: batch norms, any image size, up by transposed convolutions or bilinear.
 *
 *     hasam-compile examples/systems/unet
 *
 * The paper's 23.53 M belong to no public U-Net that we know of; this one has 31.04 M.
 */
import {
  batchNorm2d,
  conv2d,
  convTranspose2d,
  define,
  expectTotal,
  features,
  forward,
  masks,
  maxPool2d,
  model,
  pipe,
  pixels,
  relu,
  sequential,
  unitRange,
  upsample,
} from "hasam"

const { concat, padLike } = forward

/** (Convolution, batch norm, ReLU) twice. */
const doubleConv = (takes: number, gives: number, mid = gives) =>
  define(
    "DoubleConv",
    {
      double_conv: sequential(
        conv2d(takes, mid, 3, { padding: 1, bias: false }),
        batchNorm2d(mid),
        relu,
        conv2d(mid, gives, 3, { padding: 1, bias: false }),
        batchNorm2d(gives),
        relu,
      ),
    },
    features(takes),
    (m, x) => m.double_conv(x),
  )

const down = (takes: number, gives: number) =>
  define("Down", { maxpool_conv: sequential(maxPool2d(2), doubleConv(takes, gives)) }, features(takes), (m, x) =>
    m.maxpool_conv(x),
  )

/** Twice as large, padded to the skip's size, beside it, and two convolutions. */
const up = (takes: number, skip: number, gives: number, bilinear: boolean) =>
  define(
    "Up",
    {
      up: bilinear ? upsample(2, { alignCorners: true }) : convTranspose2d(takes, takes / 2, 2, { stride: 2 }),
      conv: doubleConv(2 * skip, gives, bilinear ? skip : gives),
    },
    { x: features(takes), skip: features(skip) },
    (m, { x, skip }) => m.conv(concat([skip, padLike(m.up(x), skip)], 1)),
  )

const outConv = (takes: number, gives: number) =>
  define("OutConv", { conv: conv2d(takes, gives, 1) }, features(takes), (m, x) => m.conv(x))

export interface Config {
  readonly nChannels: number
  readonly nClasses: number
  /** Default: false, transposed convolutions. */
  readonly bilinear?: boolean
  /** Channels after the first convolutions; upstream has 64. */
  readonly width?: number
}

/** image [b, nChannels, h, w] → masks [b, nClasses, h, w], logits. */
export const network = ({ nChannels, nClasses, bilinear = false, width: w = 64 }: Config) => {
  const half = bilinear ? 2 : 1
  return define(
    "UNet",
    {
      inc: doubleConv(nChannels, w),
      down1: down(w, 2 * w),
      down2: down(2 * w, 4 * w),
      down3: down(4 * w, 8 * w),
      down4: down(8 * w, (16 * w) / half),
      up1: up((16 * w) / half, 8 * w, (8 * w) / half, bilinear),
      up2: up((8 * w) / half, 4 * w, (4 * w) / half, bilinear),
      up3: up((4 * w) / half, 2 * w, (2 * w) / half, bilinear),
      up4: up((2 * w) / half, w, w, bilinear),
      outc: outConv(w, nClasses),
    },
    { image: features(nChannels) },
    (m, { image }) => {
      const x1 = m.inc(image)
      const x2 = m.down1(x1)
      const x3 = m.down2(x2)
      const x4 = m.down3(x3)
      const y4 = m.up1({ x: m.down4(x4), skip: x4 })
      const y3 = m.up2({ x: y4, skip: x3 })
      const y2 = m.up3({ x: y3, skip: x2 })
      return { masks: m.outc(m.up4({ x: y2, skip: x1 })) }
    },
  )
}

const of = (name: string, bilinear: boolean) =>
  model(network({ nChannels: 3, nClasses: 1, bilinear }), {
    name,
    takes: { image: pixels({ size: 256, ...unitRange }) },
    teaches: { masks: masks() },
  })
export const unet = pipe(of("U-Net", false), expectTotal(31_037_633))
export const bilinear = pipe(of("U-Net, bilinear", true), expectTotal(17_262_977))
