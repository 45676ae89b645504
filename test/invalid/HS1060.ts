import { conv2d, masks, model, pixels, sequential, study, training } from "hasam"

const net = (width: number) =>
  model(sequential(conv2d(3, width, 3, { padding: 1 }), conv2d(width, 1, 1)), {
    name: "net",
    takes: { image: pixels({ size: 32 }) },
    teaches: { masks: masks() },
  })
export const narrow = net(4)
export const narrowTraining = training(narrow)
const wide = net(8)

export const unnamed = study({ trainings: [narrowTraining, training(wide)], seeds: [0, 1] })
export const repeated = study({ trainings: [narrowTraining, narrow], seeds: [0, 0], folds: 2 })
