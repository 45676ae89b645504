import { freeze, freezeAll, pipe, samVitB, submodule, unfreeze } from "hasam"

export const model = pipe(samVitB, freeze(submodule("image_encoder.nek")))
export const misspelt = pipe(samVitB, freeze("imageEncodr"))
export const neither = pipe(samVitB, freezeAll, unfreeze("maskDecodr"))
export const already = pipe(samVitB, freezeAll, freeze("maskDecoder"))
