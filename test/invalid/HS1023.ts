import { adapt, afterAttention, freezeAll, linear, pipe, relu, samVitB, sequential, uniform } from "hasam"

export const model = pipe(
  samVitB,
  freezeAll,
  adapt(uniform(12, 8), (rank) => [afterAttention(sequential(linear(768, rank), relu, linear(rank, 768)))]),
)
