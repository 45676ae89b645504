import { adapt, freezeAll, lora, pipe, samVitB, uniform } from "hasam"

export const model = pipe(
  samVitB,
  freezeAll,
  adapt(uniform(12, 4), (rank) => [lora({ rank, on: ["query"] })]),
)
