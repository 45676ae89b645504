import { blocks, freeze, pipe, samVitB } from "hasam"

export const model = pipe(samVitB, freeze(blocks(0, 12)))
