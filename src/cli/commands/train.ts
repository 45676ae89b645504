import { join } from "node:path"
import cliProgress from "cli-progress"
import { counted } from "../../compiler/report/units.ts"
import { files } from "../../runtime/training/checkpoint.ts"
import { type RunEvent, startRun, type TrainSettings } from "../../runtime/training/start.ts"
import { interruption } from "../interruption.ts"
import { colors, exit, talk, tell } from "../output.ts"
import { demandTrainer, targetNamed } from "../targets/index.ts"

/** A bar an epoch, with the time left, and a line when it ends. On a pipe, the lines only. */
export const trainingShower = () => {
  let [epochs, measure] = [0, "Dice"]
  const bar = new cliProgress.SingleBar({
    stream: process.stderr,
    format: `epoch {epoch} {bar} {value}/{total}  loss {loss}  {eta_formatted} left`,
    hideCursor: true,
    clearOnComplete: true,
  })
  let shown = -1
  const on = (event: RunEvent): void => {
    if (event.kind === "note" || event.kind === "warnings") tell(event)
    if (event.kind === "begun") [epochs, measure] = [event.epochs, event.measure]
    if (event.kind === "compiled") {
      talk(counted(event.receiving, "tensor learns", "tensors learn"))
      if (event.recomputed > 0)
        talk(`${counted(event.recomputed, "block is", "blocks are")} computed twice, to keep to --memory`)
      if (event.unreached.length > 0)
        talk(
          `note: ${counted(event.unreached.length, "tensor is", "tensors are")} not frozen, but the loss does not reach them`,
        )
    }
    if (event.kind === "step" && process.stderr.isTTY) {
      const payload = { epoch: `${event.epoch + 1}/${epochs}`, loss: event.loss.toFixed(4) }
      if (shown !== event.epoch) bar.start(event.total, event.done, payload)
      else bar.update(event.done, payload)
      shown = event.epoch
    }
    if (event.kind === "undone") {
      if (shown === event.epoch) bar.stop()
      shown = -1
      const { order, asked, times } = event
      talk(
        `epoch ${event.epoch + 1}/${epochs}  undone, ${counted(times, "time")} so far: the blocks' order is ${order.toFixed(3)} of ${asked.toFixed(3)}`,
      )
    }
    if (event.kind === "epoch") {
      if (shown === event.epoch) bar.stop()
      const dice =
        event.dice === undefined
          ? ""
          : `  validation ${measure} ${event.dice.toFixed(4)}${event.best ? colors.green("  best") : ""}`
      talk(`epoch ${event.epoch + 1}/${epochs}  loss ${event.loss.toFixed(4)}${dice}`)
    }
  }
  return { on, stop: () => bar.stop() }
}

/** hasam train SPEC --data DIR --out RUN */
export const trainCommand = async (spec: string, flags: TrainSettings & { readonly target: string }): Promise<void> => {
  demandTrainer(flags.target)
  const stop = interruption(" after this step")
  const { on, stop: stopBar } = trainingShower()
  const listening = (event: RunEvent): void => {
    // Until everything is loaded, nothing is lost by ending at once.
    if (event.kind === "begun") stop.listen()
    on(event)
  }
  try {
    const trainer = await targetNamed(flags.target).trainer?.()
    const { finished, steps, best, elsewhere, endedAfter } = await startRun(spec, flags, {
      on: listening,
      signal: stop.signal,
      trainer,
    })
    // What was to follow a whole training, as in `train && eval`, does not.
    if (!finished) process.exitCode = exit.interrupted
    if (elsewhere) return
    if (!finished) return talk(`stopped at step ${steps}; go on with --resume`)
    if (endedAfter !== undefined) talk(`validation has not become better for a while: ended after epoch ${endedAfter}`)
    const measured =
      best === undefined ? "" : `, best validation ${best.measure} ${best.validation.toFixed(4)} in epoch ${best.epoch}`
    talk(`done: ${counted(steps, "step")}${measured}; ${join(flags.out, files.best)}`)
  } finally {
    stopBar()
    stop.done()
  }
}
