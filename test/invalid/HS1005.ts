import { freezeAll, samVitB } from "hasam"

const ranks: Record<string, number[]> = {}

export const first = ranks["vit_b"]!.map((rank) => rank + 1)
export const model = freezeAll(samVitB)
