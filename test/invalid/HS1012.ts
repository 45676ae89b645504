import { besideMlp, freezeAll, linear, samVitB } from "hasam"

export const model = freezeAll(samVitB)
export const placed = besideMlp(linear(768, 64))
