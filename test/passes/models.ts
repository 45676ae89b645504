/** A SAM small enough to evaluate, with a padded window block, a global block, and adapters in both. */
import { standardSizes } from "../../src/compiler/passes/elaborate/index.ts"
import {
  adapt,
  add,
  afterAttention,
  bceWithLogits,
  dice,
  freezeAll,
  inMlpResidual,
  linear,
  pipe,
  type Rank,
  relu,
  residual,
  sam,
  sequential,
  uniform,
} from "../../src/dsl/index.ts"
import { networkOf } from "../../src/dsl/network.ts"
import { tensorsOf } from "../../src/dsl/tensors.ts"

const d = 8
const adapter = (rank: Rank) => residual(sequential(linear(d, rank), relu, linear(rank, d)))
export const backbone = sam({
  imageSize: 24,
  patchSize: 8,
  width: d,
  depth: 2,
  heads: 2,
  windowSize: 2,
  globalBlocks: [1],
  outChannels: 8,
  maskChannels: 4,
  decoder: { depth: 1, heads: 2, mlpWidth: 12, iouWidth: 6, iouDepth: 2 },
})
export const adapted = pipe(
  backbone,
  freezeAll,
  adapt(uniform(2, 3), (rank) => [afterAttention(adapter(rank)), inMlpResidual(adapter(rank))]),
)
export const model = adapted.data
export const sizes = standardSizes(model)
export const tensors = tensorsOf(networkOf(model))
export const learning = tensors.filter(({ adaptation }) => adaptation !== undefined).map(({ name }) => name)
export const everything = tensors.filter(({ kind }) => kind === "parameter").map(({ name }) => name)
export const loss = add(dice(), bceWithLogits())
