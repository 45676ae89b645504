import { adapt, afterAttention, freezeAll, linear, pipe, type Rank, relu, residual, samVitL, sequential, uniform } from "hasam"

const adapter = (rank: Rank) => residual(sequential(linear(1024, rank), relu, linear(rank, 1024)))

export const model = pipe(
  samVitL,
  freezeAll,
  adapt(uniform(12, 8), (rank) => [afterAttention(adapter(rank))]),
)
