import { expectTrainable, freezeAll, pipe, samVitB } from "hasam"

export const model = pipe(samVitB, freezeAll, expectTrainable(1))
