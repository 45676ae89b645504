import { freezeAll, samVitB } from "hasam"

const rounds = 0
// biome-ignore lint: it never ends, on purpose
while (rounds === 0) {}

export const model = freezeAll(samVitB)
