import { freezeAll, pipe, samVitB, unfreeze } from "hasam"

export const model = pipe(samVitB, freezeAll, unfreeze("promptEncoder"))
