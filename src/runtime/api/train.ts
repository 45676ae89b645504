import type { EngineName } from "../engines.ts"
import type { RunEvent, Trained, TrainSettings } from "../training/start.ts"
import { explained } from "./attempt.ts"

export interface TrainOptions extends Omit<TrainSettings, "target" | "torchrun"> {
  /** What computes. Default: cpu. */
  readonly target?: EngineName
  /** What happens on the way: what was compiled, each step with its loss, each epoch with its validation, notes and warnings. */
  readonly on?: (event: RunEvent) => void
  /** Aborted: the step is finished, a checkpoint written, and the run ends; it goes on with `resume`. */
  readonly signal?: AbortSignal
}

/**
 * Trains what is not frozen in a spec's model, as its exported `training(…)` says and the options say otherwise; the same run as `hasam train` writes, so that
 * either goes on with it. Rejects with `Failed`: the spec's errors, those of data (HS41…, HS42…, HS43…), of weights (HS30…), of the run's folder (HS53…),
 * HS5002 for a number out of range.
 *
 * @example
 * await train("spec.ts#small", { data: "phantoms", out: "runs/small", epochs: 2, on: (event) => event.kind === "epoch" && console.log(event.loss) })
 */
export const train = (spec: string, { on, signal, ...settings }: TrainOptions): Promise<Trained> =>
  explained(async () => {
    const { startRun } = await import("../training/start.ts")
    return startRun(spec, settings, {
      ...(on === undefined ? {} : { on }),
      ...(signal === undefined ? {} : { signal }),
    })
  })
