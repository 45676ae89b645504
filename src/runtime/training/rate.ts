import type { RateSchedule } from "../../dsl/training.ts"

/** Where a run stands, and how long it is. */
export interface When {
  /** Epochs done, of how many. */
  readonly epoch: number
  readonly epochs: number
  /** Optimizer's steps done, of how many. */
  readonly step: number
  readonly steps: number
}

/** The learning rate of the next step. */
export const rateAt = (schedule: RateSchedule, rate: number, { epoch, epochs, step, steps }: When): number => {
  switch (schedule.kind) {
    case "constant":
      return rate
    case "step":
      return rate * schedule.factor ** Math.floor(epoch / schedule.every)
    case "cosine": {
      const { warmup, floor } = schedule
      if (epoch < warmup) return (rate * (epoch + 1)) / warmup
      const share = (epoch - warmup) / Math.max(1, epochs - warmup)
      return rate * (floor + (1 - floor) * 0.5 * (1 + Math.cos(Math.PI * share)))
    }
    case "polynomial": {
      const { power, warmup, floor } = schedule
      if (step < warmup) return (rate * (step + 1)) / warmup
      const left = 1 - (step - warmup) / Math.max(1, steps - warmup)
      return rate * (floor + (1 - floor) * Math.max(0, left) ** power)
    }
  }
}
