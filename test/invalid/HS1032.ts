import { given, linear, model, residual, repeat } from "hasam"

export const network = model(repeat(4, () => residual(linear(8, 8))), {
  name: "network",
  takes: { tokens: given([16, 8]) },
  blocks: "layers",
})
