/** Small SAMs with odd grids, and random weights without a zero among them: zeros hide errors. */
import { type ModelTensor, tensorTable } from "../../src/compiler/analysis/parameters.ts"
import type { Tensor, Tensors } from "../../src/compiler/ir/graph.ts"
import { sizeOf } from "../../src/compiler/ir/graph.ts"
import type { InputSizes } from "../../src/compiler/passes/elaborate/index.ts"
import {
  adapt,
  afterAttention,
  besideMlp,
  besideMlpResidual,
  freezeAll,
  inMlpResidual,
  keysAndValues,
  type Layer,
  ladder,
  linear,
  lora,
  pipe,
  promptTokens,
  type Rank,
  relu,
  residual,
  sam,
  sequential,
  table,
} from "../../src/dsl/index.ts"
import { pixelMean, pixelStd } from "../../src/dsl/sam/sam.ts"
import { stream } from "../../src/runtime/data/random.ts"

const decoder = { heads: 4, mlpWidth: 24, iouWidth: 16, iouDepth: 2, maskTokens: 3 }
/** A 5 × 5 grid that windows of 3 do not divide. */
export const odd = sam({
  imageSize: 40,
  patchSize: 8,
  width: 24,
  depth: 3,
  heads: 3,
  windowSize: 3,
  globalBlocks: [1],
  outChannels: 32,
  maskChannels: 16,
  decoder,
})
/** A 7 × 7 grid, windows of 4, other heads. */
export const other = sam({
  imageSize: 56,
  patchSize: 8,
  width: 16,
  depth: 2,
  heads: 2,
  windowSize: 4,
  globalBlocks: [0],
  outChannels: 32,
  maskChannels: 16,
  decoder: { ...decoder, heads: 2 },
})

const down = (rank: Rank) => sequential(linear(24, rank), relu, linear(rank, 24)) as Layer<24, 24>
const ranks = table([3, null, 5])
const frozen = pipe(odd, freezeAll)
const adapter = (rank: Rank) => residual(down(rank))

export const adapted = {
  afterAttention: pipe(
    frozen,
    adapt(ranks, (rank) => [afterAttention(adapter(rank))]),
  ),
  inMlpResidual: pipe(
    frozen,
    adapt(ranks, (rank) => [inMlpResidual(adapter(rank))]),
  ),
  besideMlp: pipe(
    frozen,
    adapt(ranks, (rank) => [besideMlp(down(rank), { scale: 0.5 })]),
  ),
  besideMlpResidual: pipe(
    frozen,
    adapt(ranks, (rank) => [besideMlpResidual(down(rank), { scale: 0.1 })]),
  ),
  promptTokens: pipe(
    frozen,
    adapt(ranks, (count) => [promptTokens(count)]),
  ),
  keysAndValues: pipe(
    frozen,
    adapt(ranks, (count) => [promptTokens(2), keysAndValues(count)]),
  ),
  ladder: pipe(
    frozen,
    adapt(ranks, (rank) => [ladder(rank, residual(sequential(linear(rank, rank), relu)))]),
  ),
  lora: pipe(
    frozen,
    adapt(ranks, (rank) => [lora({ rank, on: ["q", "v", "mlp.lin1"], alpha: 7 })]),
  ),
} as const

/** All of them at once. */
export const everyPlacement = pipe(
  frozen,
  adapt(ranks, (rank) => [
    afterAttention(adapter(rank)),
    inMlpResidual(adapter(rank)),
    besideMlp(down(rank), { scale: 0.5 }),
    besideMlpResidual(down(rank), { scale: 0.1 }),
    lora({ rank, on: ["q", "v", "mlp.lin1"], alpha: 7 }),
  ]),
)

/** Anything but zero: 0.1 to 0.3 in size, around one for norms. */
const value = ({ name, shape, kind }: ModelTensor): Tensor => {
  const random = stream("weights", name)
  const data = new Float32Array(sizeOf(shape)).map(() => {
    const x = random.between(0.03, 0.3) * (random.uniform() < 0.5 ? -1 : 1)
    return /norm\d?\.weight$|neck\.[13]\.weight$/.test(name) ? 1 + x : kind === "buffer" ? 3 * x : x
  })
  return { shape, data }
}
export const randomWeights = (tensors: readonly ModelTensor[]): Tensors =>
  Object.fromEntries(
    tensors.map((tensor) => {
      const pixels = { pixel_mean: pixelMean, pixel_std: pixelStd }[tensor.name]
      return [
        tensor.name,
        pixels === undefined ? value(tensor) : { shape: tensor.shape, data: Float32Array.from(pixels) },
      ]
    }),
  )

export const prompts = {
  point: { points: 2, boxes: false, mask: false },
  box: { points: 0, boxes: true, mask: false },
  mask: { points: 0, boxes: false, mask: true },
  all: { points: 1, boxes: true, mask: true },
} as const

/** Not square, of another size than the masks wanted. */
export const sizesFor = (imageSize: number, prompt: keyof typeof prompts, multimask = false): InputSizes => {
  const { points, boxes, mask } = prompts[prompt]
  return {
    batch: 1,
    inputs: {
      image: [3, imageSize, imageSize - 11],
      ...(points > 0 ? { point_coords: [points, 2], point_labels: [points] } : {}),
      ...(boxes ? { boxes: [4] } : {}),
      ...(mask ? { mask_input: [1, imageSize / 2, imageSize / 2] } : {}),
    },
    flags: multimask ? ["multimask"] : [],
    extents: { original_size: [imageSize + 3, imageSize - 6] },
  }
}

export const randomInputs = ({ inputs, extents }: InputSizes): Tensors => {
  const [, height, width] = inputs["image"]!
  const random = stream("inputs", height!, width!)
  const tensor = (shape: readonly number[], low: number, high: number): Tensor => ({
    shape,
    data: new Float32Array(sizeOf(shape)).map(() => random.between(low, high)),
  })
  const points = inputs["point_labels"]?.[0] ?? 0
  const original = extents["original_size"]!
  return {
    image: tensor([1, 3, height!, width!], 0, 255),
    ...(points > 0
      ? {
          point_coords: tensor([1, points, 2], 2, width! - 2),
          point_labels: { shape: [1, points], data: Float32Array.from({ length: points }, (_, i) => 1 - (i % 2)) },
        }
      : {}),
    ...("boxes" in inputs ? { boxes: { shape: [1, 4], data: Float32Array.of(3.5, 4, 20, 25.25) } } : {}),
    ...("mask_input" in inputs ? { mask_input: tensor([1, ...inputs["mask_input"]!], -2, 2) } : {}),
    target: {
      shape: [1, 1, ...original],
      data: new Float32Array(original[0] * original[1]).map(() => (random.uniform() < 0.4 ? 1 : 0)),
    },
  }
}

export const names = (model: { readonly data: Parameters<typeof tensorTable>[0] }) => tensorTable(model.data)
