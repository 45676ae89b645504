import { conv2d, masks, model, pixels, relu, sequential } from "hasam"

export const network = model(sequential(conv2d(3, 8, 40), relu, conv2d(8, 1, 1)), {
  name: "network",
  takes: { image: pixels({ size: 32 }) },
  teaches: { masks: masks() },
})
