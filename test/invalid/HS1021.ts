import { freezeAll, linear, samVitB } from "hasam"

export const model = freezeAll(samVitB)
export const layer = linear(768, 0.25)
