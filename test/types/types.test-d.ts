/** Read by tsc only: what is wrong must be an error, what is right must not. */
import {
  adapt,
  afterAttention,
  asRatio,
  at,
  type Backbone,
  chain,
  define,
  expectTrainable,
  features,
  forward,
  freeze,
  freezeAll,
  given,
  type Layer,
  linear,
  type Model,
  model,
  optional,
  pipe,
  type Rank,
  relu,
  repeat,
  residual,
  type SamPart,
  samVitB,
  samVitH,
  schedule,
  sequential,
  unfreeze,
  uniform,
  type ViTB,
  without,
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
const decoderOnly = pipe(both, freeze("adapters"))
holds<Same<typeof decoderOnly, Model<ViTB, "maskDecoder">>>()
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

// Deep schedules written as calls, and literal ones on any model.
without(32)(uniform(32, 7))
const mlp = <const W extends number>(w: W) =>
  define("MLPBlock", { lin1: linear(w, 4 * w), act: relu, lin2: linear(4 * w, w) }, features(w), (m, x) =>
    m.lin2(m.act(m.lin1(x))),
  )
const wide: Layer<8, 8> = mlp(8)
const net = model(chain({ stem: linear(8, 8), layers: repeat(3, () => mlp(8)) }), {
  name: "net",
  takes: { x: given([4, 8]) },
  blocks: "layers",
})
const small = (rank: Rank) => residual(sequential(linear(8, rank), relu, linear(rank, 8)))
export const anywhere = pipe(
  net,
  freezeAll,
  adapt(uniform(3, 2), (rank) => [at("lin1").before(small(rank))]),
)
const elsewhere = adapt(uniform(3, 2), (rank) => [at("lin3").after(small(rank))])
// @ts-expect-error a block has no lin3
pipe(net, freezeAll, elsewhere)
const deeper = adapt(uniform(4, 2), (rank) => [at("lin1").before(small(rank))])
// @ts-expect-error it has three blocks
pipe(net, freezeAll, deeper)
define("Optional", { fc: linear(8, 8) }, { x: features(8), y: optional(8) }, (m, { x, y }) => ({
  // @ts-expect-error y may be missing
  out: forward.add(m.fc(x), y),
}))

export { byHand, wide }
