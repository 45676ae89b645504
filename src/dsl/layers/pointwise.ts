import { childOf, type Interpolation, type LayerData, type Pointwise } from "../layer.ts"
import { callSite } from "../place.ts"
import { pair, type Size } from "./convolution.ts"

const pointwise = (data: LayerData): Pointwise => childOf<Pointwise>(data)

export const relu: Pointwise = pointwise({ kind: "relu", pointwise: true })
/** The exact one, x·Φ(x), as PyTorch's default. */
export const gelu: Pointwise = pointwise({ kind: "gelu", pointwise: true })
export const sigmoid: Pointwise = pointwise({ kind: "sigmoid", pointwise: true })
export const tanh: Pointwise = pointwise({ kind: "tanh", pointwise: true })
/** Gives what it takes. */
export const identity: Pointwise = pointwise({ kind: "identity", pointwise: true })
/** While training, zero with probability p and the rest scaled by 1 / (1 − p). */
export const dropout = (p: number): Pointwise => pointwise({ kind: "dropout", pointwise: true, p, at: callSite() })

/** While training, all of an image's values are zero with probability p, the others' scaled by 1 / (1 − p): a residual branch that is left out (Huang et al. 2016). */
export const dropPath = (p: number): Pointwise => pointwise({ kind: "dropPath", pointwise: true, p, at: callSite() })

export interface PoolOptions {
  /** Default: the kernel's size. */
  readonly stride?: Size
  readonly padding?: Size
}
const pool =
  (kind: "maxPool2d" | "avgPool2d") =>
  (kernel: Size, { stride = kernel, padding = 0 }: PoolOptions = {}): Pointwise =>
    pointwise({
      kind,
      pointwise: true,
      kernel: pair(kernel),
      stride: pair(stride),
      padding: pair(padding),
      at: callSite(),
    })

/** The largest value in each window, as nn.MaxPool2d. */
export const maxPool2d = pool("maxPool2d")
/** The mean of each window, padding counted, as nn.AvgPool2d. */
export const avgPool2d = pool("avgPool2d")
/** [b, c, h, w] → [b, c]: the mean over the image. */
export const globalAveragePool: Pointwise = pointwise({ kind: "globalAveragePool", pointwise: true })
/** As nn.Upsample. Default: bilinear, half-pixel centres. */
export const upsample = (
  factor: number,
  { mode = "bilinear", alignCorners = false }: Partial<Interpolation> = {},
): Pointwise => pointwise({ kind: "upsample", pointwise: true, factor, how: { mode, alignCorners }, at: callSite() })
