import { afterAttention, freezeAll, linear, relu, residual, samVitB, sequential } from "hasam"

export const model = freezeAll(samVitB)
export const placed = afterAttention(residual(sequential(linear(768, 31), relu, linear(32, 768))))
