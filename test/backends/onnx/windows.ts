/** Convolutions and pooling with every mix of odd sizes, strides, dilation, groups and uneven padding. */
import { Builder, type Value } from "../../../src/compiler/ir/builder.ts"
import type { Conv2dAttrs, Graph, PoolAttrs, Shape, Tensors } from "../../../src/compiler/ir/graph.ts"
import { noise } from "../tfjs/programs.ts"

interface WindowCase {
  readonly name: string
  readonly graph: Graph
  readonly inputs: Tensors
  readonly tolerance: number
}

const caseOf = (
  name: string,
  given: Readonly<Record<string, Shape>>,
  build: (b: Builder, values: Readonly<Record<string, Value>>) => Readonly<Record<string, Value>>,
): WindowCase => {
  const b = new Builder()
  const values = Object.fromEntries(Object.entries(given).map(([input, shape]) => [input, b.input(input, shape)]))
  const graph = b.build(build(b, values))
  const inputs = Object.fromEntries(Object.entries(given).map(([input, shape], i) => [input, noise(7 + i, shape)]))
  return { name, graph, inputs, tolerance: 1e-5 }
}

const conv = (x: Shape, w: Shape, attrs: Conv2dAttrs): WindowCase => {
  const y = new Builder()
  const shape = y.shapeOf(y.conv2d(y.input("x", x), y.input("w", w), attrs))
  const text = `x ${x.join("×")}, w ${w.join("×")}, stride ${attrs.stride}, padding ${attrs.padding}, dilation ${attrs.dilation}, groups ${attrs.groups}`
  return caseOf(`convolution and gradients: ${text}`, { x, w, g: shape }, (b, { x: image, w: weight, g }) => ({
    y: b.conv2d(image!, weight!, attrs),
    dx: b.conv2dInputGrad(g!, weight!, { ...attrs, inputSize: [x[2]!, x[3]!] }),
    dw: b.conv2dWeightGrad(image!, g!, { ...attrs, kernel: [w[2]!, w[3]!] }),
  }))
}
const pool = (x: Shape, attrs: PoolAttrs): WindowCase => {
  const y = new Builder()
  const shape = y.shapeOf(y.maxPool2d(y.input("x", x), attrs))
  const text = `x ${x.join("×")}, kernel ${attrs.kernel}, stride ${attrs.stride}, padding ${attrs.padding}`
  return caseOf(`pooling and gradients: ${text}`, { x, g: shape }, (b, { x: image, g }) => ({
    max: b.maxPool2d(image!, attrs),
    dMax: b.maxPool2dGrad(image!, g!, attrs),
    average: b.avgPool2d(image!, attrs),
    dAverage: b.avgPool2dGrad(g!, { ...attrs, inputSize: [x[2]!, x[3]!] }),
  }))
}

/** Few pixels in rows and columns that strides do not reach, so that each rule for the rest is taken. */
export const windows: readonly WindowCase[] = [
  ...[1, 2, 3].flatMap((stride) =>
    [1, 2].flatMap((dilation) =>
      (
        [
          [1, [5, 4, 3, 2], 4],
          [2, [4, 2, 2, 3], 4],
          [4, [8, 1, 3, 2], 4],
          [3, [3, 1, 1, 3], 3],
        ] as const
      ).flatMap(([groups, w, channels]) =>
        (
          [
            [0, 0, 0, 0],
            [1, 2, 0, 1],
          ] as const
        ).map((padding) =>
          conv([2, channels, 11, 8], w, {
            stride: [stride, stride === 3 ? 1 : stride],
            padding,
            dilation: [dilation, 1],
            groups,
          }),
        ),
      ),
    ),
  ),
  ...([1, 2, 3] as const).flatMap((stride) =>
    (
      [
        [0, 0, 0, 0],
        [1, 0, 0, 1],
      ] as const
    ).map((padding) => pool([2, 3, 10, 7], { kernel: [3, 2], stride: [stride, 2], padding })),
  ),
]
