import { expectTotal, freezeAll, pipe, samVitB } from "hasam"

export const model = pipe(samVitB, freezeAll, expectTotal(93_735_473))
