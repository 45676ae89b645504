import { freeze, pipe, samVitB, submodule } from "hasam"

export const model = pipe(samVitB, freeze(submodule("image_encoder.nek")))
