/** Read by tsc only: what is wrong must be an error, what is right must not. */
import {
  adapt,
  afterAttention,
  asRatio,
  type Backbone,
  expectTrainable,
  freeze,
  freezeAll,
  linear,
  type Model,
  pipe,
  type Rank,
  relu,
  residual,
  type SamPart,
  samVitB,
  samVitH,
  schedule,
  sequential,
  unfreeze,
  uniform,
  type ViTB,
} from "hasam"

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false
const holds = <_ extends true>(): void => undefined

const adapter = (rank: Rank) => residual(sequential(linear(768, rank), relu, linear(rank, 768)))
const ranks = schedule(12, (i) => 31 * i)

const frozen = pipe(samVitB, freezeAll)
const adapted = pipe(
  frozen,
  adapt(ranks, (rank) => [afterAttention(adapter(rank))]),
)
const both = pipe(adapted, unfreeze("maskDecoder"))

holds<Same<typeof samVitB, Model<ViTB, SamPart>>>()
holds<Same<typeof frozen, Model<ViTB, never>>>()
holds<Same<typeof adapted, Model<ViTB, "adapters">>>()
holds<Same<typeof both, Model<ViTB, "adapters" | "maskDecoder">>>()
const without = pipe(both, freeze("adapters"))
holds<Same<typeof without, Model<ViTB, "maskDecoder">>>()
holds<ViTB extends Backbone<12, 768> ? true : false>()

schedule(12, (i) => {
  // @ts-expect-error there is no block 13
  return i === 13 ? 0 : 31 * i
})
const shallow = adapt(ranks, (rank) => [afterAttention(adapter(rank))])
// @ts-expect-error adapters of another depth
pipe(samVitH, freezeAll, shallow)
// @ts-expect-error every part is frozen
pipe(frozen, expectTrainable(1))
// @ts-expect-error a part that SAM does not have
pipe(frozen, unfreeze("maskDecodr"))
// @ts-expect-error a ratio is no width
linear(768, asRatio(0.25))
// @ts-expect-error half a feature
linear(768, 0.5)
// @ts-expect-error 31 is not 32
sequential(linear(768, 31), relu, linear(32, 768))
// @ts-expect-error the width changes
residual(linear(768, 64))
// @ts-expect-error a rank comes from a schedule, not from a number
const byHand: Rank = 31
adapt(uniform(12, 8), (rank: Rank) => [afterAttention(adapter(rank))])

export { byHand }
