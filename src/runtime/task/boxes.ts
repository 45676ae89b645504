/** Box prompts, one an image. */
import type { Tensor } from "../../compiler/ir/graph.ts"
import type { Sample } from "../data/reader.ts"
import { stacked } from "./stack.ts"

/** x0, y0, x1, y1 in pixels of the fitted image; a case without a box is asked about nothing, a box of no size. */
export const boxFeed = (samples: readonly Sample[]): Tensor =>
  stacked(
    samples.map(({ box }) => box ?? [0, 0, 0, 0]),
    [4],
  )
