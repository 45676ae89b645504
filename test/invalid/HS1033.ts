import { autoLr, freezeAll, pipe, samVitB, training, unfreeze } from "hasam"

export const model = pipe(samVitB, freezeAll, unfreeze("maskDecoder"))
export const how = training(model, { autoLr: autoLr() })
