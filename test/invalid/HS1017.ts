import { adapt, afterAttention, freezeAll, linear, pipe, type Rank, relu, residual, samVitB, schedule, sequential } from "hasam"

const adapter = (rank: Rank) => residual(sequential(linear(768, rank), relu, linear(rank, 768)))

export const model = pipe(
  samVitB,
  freezeAll,
  adapt(
    schedule(12, (i) => 8 * (i - 2)),
    (rank) => [afterAttention(adapter(rank))],
  ),
)
