/** Every tfjs kernel that a lowering may ask for, and the shape of what it makes: a program can be traced without a device. */
import type { Shape } from "../../../compiler/ir/graph.ts"
import { broadcastShape } from "./axes.ts"

type Inputs = Readonly<Record<string, { readonly shape: Shape }>>
type Attrs = Readonly<Record<string, unknown>>
type ShapeRule = (inputs: Inputs, attrs: Attrs) => Shape

const ofX: ShapeRule = ({ x }) => x!.shape
const broadcast: ShapeRule = ({ a, b }) => broadcastShape(a!.shape, b!.shape)
/** Of rank-3 operands; a bias does not matter. */
const product: ShapeRule = ({ a, b }, { transposeA, transposeB }) => [
  Math.max(a!.shape[0]!, b!.shape[0]!),
  a!.shape[transposeA ? 2 : 1]!,
  b!.shape[transposeB ? 1 : 2]!,
]
const reduction =
  (axesName: string): ShapeRule =>
  ({ x }, attrs) =>
    x!.shape.filter((_, axis) => !(attrs[axesName] as readonly number[]).includes(axis))
/** NHWC, padding given or none. */
const windows = (x: Shape, size: readonly number[], attrs: Attrs, channels: number): Shape => {
  const strides = attrs.strides as readonly number[]
  const padding = (axis: number) => {
    const { pad } = attrs
    return Array.isArray(pad) ? (pad[axis]![0] as number) + (pad[axis]![1] as number) : 0
  }
  const extent = (axis: 1 | 2) => Math.floor((x[axis]! + padding(axis) - size[axis - 1]!) / strides[axis - 1]!) + 1
  return [x[0]!, extent(1), extent(2), channels]
}
const pool: ShapeRule = ({ x }, attrs) => windows(x!.shape, attrs.filterSize as number[], attrs, x!.shape[3]!)

export const kernelShapes = {
  Neg: ofX,
  Exp: ofX,
  Log: ofX,
  Sqrt: ofX,
  Rsqrt: ofX,
  Sin: ofX,
  Cos: ofX,
  Tanh: ofX,
  Erf: ofX,
  Abs: ofX,
  Sigmoid: ofX,
  Softplus: ofX,
  Relu: ofX,
  Step: ofX,
  Add: broadcast,
  Sub: broadcast,
  Multiply: broadcast,
  RealDiv: broadcast,
  Maximum: broadcast,
  BatchMatMul: product,
  _FusedMatMul: product,
  Conv2D: ({ x, filter }, attrs) => windows(x!.shape, filter!.shape, attrs, filter!.shape[3]!),
  Conv2DBackpropInput: (_, { inputShape }) => inputShape as Shape,
  Conv2DBackpropFilter: (_, { filterShape }) => filterShape as Shape,
  MaxPool: pool,
  MaxPoolGrad: ({ input }) => input!.shape,
  AvgPool: pool,
  AvgPoolGrad: ({ input }) => input!.shape,
  Sum: reduction("axis"),
  Mean: reduction("axis"),
  Max: reduction("reductionIndices"),
  Softmax: ({ logits }) => logits!.shape,
  Reshape: (_, { shape }) => shape as Shape,
  Transpose: ({ x }, { perm }) => (perm as number[]).map((axis) => x!.shape[axis]!),
  Slice: (_, { size }) => size as Shape,
  StridedSlice: (_, attrs) => {
    const [begin, end, strides] = [attrs.begin, attrs.end, attrs.strides] as [number[], number[], number[]]
    return begin.map((from, axis) => Math.ceil((end[axis]! - from) / strides[axis]!))
  },
  PadV2: ({ x }, { paddings }) =>
    x!.shape.map((extent, axis) => {
      const [before, after] = (paddings as [number, number][])[axis]!
      return before + extent + after
    }),
  Tile: ({ x }, { reps }) => x!.shape.map((extent, axis) => extent * (reps as number[])[axis]!),
  Concat: (inputs, { axis }) => {
    const all = Object.values(inputs)
    const total = all.reduce((sum, { shape }) => sum + shape[axis as number]!, 0)
    return all[0]!.shape.with(axis as number, total)
  },
  GatherV2: ({ x, indices }) => [...indices!.shape, ...x!.shape.slice(1)],
} as const satisfies Readonly<Record<string, ShapeRule>>

export type TfjsKernel = keyof typeof kernelShapes
