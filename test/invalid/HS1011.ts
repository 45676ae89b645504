import { freezeAll, linear, residual, samVitB } from "hasam"

export const model = freezeAll(samVitB)
export const layer = residual(linear(768, 64))
