/** NAME: SAM with every weight frozen, and an adapter in each block that learns. */
import {
  adam,
  adapt,
  add,
  afterAttention,
  bceWithLogits,
  dice,
  expectTrainable,
  freezeAll,
  linear,
  pipe,
  type Rank,
  relu,
  residual,
  samVitB,
  schedule,
  sequential,
  training,
} from "hasam"

/** Features in each block of ViT-B. */
const width = 768

/** Down to the rank, ReLU, up again, plus the input. */
const adapter = (rank: Rank) => residual(sequential(linear(width, rank), relu, linear(rank, width)))

/** The rank grows with depth, from 8 to 96. */
const ranks = schedule(12, (i) => 8 * i)

export const adapted = pipe(
  samVitB,
  freezeAll,
  adapt(ranks, (rank) => [afterAttention(adapter(rank))]),
  expectTrainable(968_304),
)

/** How `npx hasam train .` trains it. */
export const run = training(adapted, {
  optimizer: adam({ rate: 5e-4 }),
  loss: add(dice(), bceWithLogits()),
  epochs: 20,
  batch: 1,
})
