/** What a model takes and teaches, as data for the package's task/: the fields of its kinds. */
import type { ModelData } from "../../../dsl/model.ts"
import { pixelMean } from "../../../dsl/sam/sam.ts"
import type { Loss } from "../../../dsl/training.ts"

type Named = Readonly<Record<string, object>>

const pixels = (side: number, padding: readonly number[]) => ({
  ...{ kind: "pixels", size: [side, side], channels: 3, fit: "longestSide", padding },
})

/** Input → what it is fed. */
export const takesOf = ({ family }: ModelData): Named =>
  family.kind === "sam"
    ? {
        image: pixels(family.config.imageSize, pixelMean),
        point_coords: { kind: "points", part: "coords" },
        point_labels: { kind: "points", part: "labels" },
        boxes: { kind: "box" },
      }
    : { image: pixels(family.input.at(-1) ?? 1, [0, 0, 0]) }

const teachesPoints = (loss: Loss): boolean =>
  loss.kind === "mse" || (loss.kind === "sum" && loss.terms.some((term) => teachesPoints(term.loss)))

/** Output → what it is taught. */
export const teachesOf = ({ family }: ModelData, loss: Loss): Named => ({
  masks: { kind: family.kind === "layer" && teachesPoints(loss) ? "point" : "masks" },
})
