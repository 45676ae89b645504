import { adapt, at, freezeAll, linear, pipe, type Rank, relu, residual, samVitB, sequential, uniform } from "hasam"

const adapter = (rank: Rank) => residual(sequential(linear(768, rank), relu, linear(rank, 768)))

export const model = pipe(
  samVitB,
  freezeAll,
  adapt(uniform(12, 8), (rank) => [at("mlpp" as "mlp").after(adapter(rank)), at("attn.proj").onSkip(adapter(rank))]),
)
