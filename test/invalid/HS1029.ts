import { classes, conv2d, define, features, masks, model, pixels, point } from "hasam"

const unet = define("UNet", { conv: conv2d(1, 4, 3, { padding: 1 }) }, { image: features(1) }, (m, { image }) => ({
  logits: m.conv(image),
}))
const takes = { image: pixels({ size: 32, channels: 1 }) }

export const misnamed = model(unet, { name: "U-Net", takes, teaches: { masks: masks() } })
export const four = model(unet, { name: "U-Net", takes, teaches: { logits: masks() } })
export const three = model(unet, { name: "U-Net", takes, teaches: { logits: classes("background", "nerve", "vessel") } })
export const pointing = model(unet, { name: "U-Net", takes, teaches: { logits: point() } })
