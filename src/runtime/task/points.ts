/** Point prompts, one an image. */
import type { Tensor } from "../../compiler/ir/graph.ts"
import type { PointCoords, PointLabels } from "../../dsl/task.ts"
import type { Sample } from "../data/reader.ts"
import { stacked } from "./stack.ts"

/** A case without a point, such as an empty mask, is prompted with padding only. */
export const pointFeed = (samples: readonly Sample[], { part }: PointCoords | PointLabels): Tensor =>
  part === "coords"
    ? stacked(
        samples.map(({ point }) => (point === undefined ? [0, 0] : [point.x, point.y])),
        [1, 2],
      )
    : stacked(
        samples.map(({ point }) => [point === undefined ? -1 : 1]),
        [1],
      )
