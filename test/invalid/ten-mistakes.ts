import {
  adapt,
  afterAttention,
  besideMlp,
  expectTotal,
  expectTrainable,
  freeze,
  freezeAll,
  linear,
  lora,
  pipe,
  type Rank,
  relu,
  residual,
  samVitB,
  samVitH,
  schedule,
  sequential,
  submodule,
  uniform,
} from "hasam"

const adapter = (rank: Rank) => residual(sequential(linear(768, rank), relu, linear(rank, 768)))
const frozen = pipe(samVitB, freezeAll)
const flat = uniform(12, 8)

export const links = sequential(linear(768, 31), relu, linear(32, 768))
export const skip = residual(linear(768, 64))
export const shape = besideMlp(linear(768, 64))
export const fraction = linear(768, 0.5)
export const depth = pipe(samVitH, freezeAll, adapt(flat, (rank) => [lora({ rank, on: ["q"] })]))
export const nothing = pipe(frozen, expectTrainable(1))
export const negative = pipe(frozen, adapt(schedule(12, (i) => 6 - i), (rank) => [afterAttention(adapter(rank))]))
export const unknown = pipe(samVitB, freeze(submodule("image_encoder.nek")))
export const count = pipe(frozen, adapt(flat, (rank) => [afterAttention(adapter(rank))]), expectTrainable(7))
export const total = pipe(frozen, expectTotal(93_735_473))
