import type { RateSchedule } from "../../dsl/training.ts"

/** The learning rate of an epoch, counted from 0. */
export const rateAt = (schedule: RateSchedule, rate: number, epoch: number, epochs: number): number => {
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
  }
}
