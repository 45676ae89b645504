import { conv2d, masks, model, pixels, sequential, study, training } from "hasam"

const net = (width: number) =>
  model(sequential(conv2d(3, width, 3, { padding: 1 }), conv2d(width, 1, 1)), {
    name: "net",
    takes: { image: pixels({ size: 32 }) },
    teaches: { masks: masks() },
  })
export const narrow = net(4)
export const wide = net(8)
export const narrowTraining = training(narrow, { epochs: 20 })
export const wideTraining = training(wide, { epochs: 40 })

export const compared = study({ trainings: [narrowTraining, wideTraining] })
