import { conv2d, model } from "hasam"

export const network = model(conv2d(3, 8, 3), { name: "network", input: [1, 32, 32] })
