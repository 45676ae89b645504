import { asRatio, freezeAll, linear, samVitB } from "hasam"

export const model = freezeAll(samVitB)
export const layer = linear(768, asRatio(0.25))
