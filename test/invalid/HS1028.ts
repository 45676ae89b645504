import { conv2d, define, features, masks, model, pixels, type Pixels, points } from "hasam"

const unet = define("UNet", { conv: conv2d(1, 1, 3, { padding: 1 }) }, { image: features(1) }, (m, { image }) => ({
  masks: m.conv(image),
}))
const takes: Record<string, Pixels> = { picture: pixels({ size: 32, channels: 1 }) }

export const prompted = model(unet, {
  name: "U-Net",
  takes: { image: pixels({ size: 32, channels: 1 }), ...points() },
  teaches: { masks: masks() },
})
export const misnamed = model(unet, { name: "U-Net", takes: takes as { image: Pixels }, teaches: { masks: masks() } })
