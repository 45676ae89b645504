import { box, conv2d, masks, model, pixels, training } from "hasam"

export const unet = model(conv2d(3, 1, 3, { padding: 1 }), {
  name: "U-Net",
  takes: { image: pixels({ size: 32 }) },
  teaches: { masks: masks() },
})

export const asked = training(unet, { prompt: box })
export const moved = training(unet, { jitter: 0.05 })
