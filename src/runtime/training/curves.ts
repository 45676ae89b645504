import { join } from "node:path"
import { writeAtomically } from "../files.ts"
import { readLog } from "./checkpoint.ts"

/** Loss and validation over the epochs, as curves.svg in the run's folder. */
export const writeCurves = async (folder: string, title: string, measure: "Dice" | "hits"): Promise<void> => {
  const entries = (await readLog(folder, Number.POSITIVE_INFINITY)).filter((entry) => "epoch" in entry)
  const { trainingCurves } = await import("../figures/curves.ts")
  const points = entries.map(({ epoch, loss, validation }) => ({
    epoch: Number(epoch) + 1,
    loss: Number(loss),
    ...(validation === undefined ? {} : { validation: Number(validation) }),
  }))
  const svg = await trainingCurves(points, { title, measure })
  await writeAtomically(join(folder, "curves.svg"), svg)
}
