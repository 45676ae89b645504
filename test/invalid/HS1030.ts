import { conv2d, dice, model, mse, pixels, point, globalAveragePool, sequential, training } from "hasam"

export const localizer = model(sequential(conv2d(3, 2, 3), globalAveragePool), {
  name: "localizer",
  takes: { image: pixels({ size: 32 }) },
  teaches: { point: point() },
})

export const right = training(localizer, { loss: mse() })
export const wrong = training(localizer, { loss: dice() })
