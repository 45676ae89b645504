import type { LayerData } from "../../../dsl/layer.ts"
import type { Builder } from "../../ir/builder.ts"
import type { Shape } from "../../ir/graph.ts"

/** A dropout's mask: 0 or 1 / (1 − p), drawn anew by whoever runs the program. */
export interface DropoutInput {
  readonly name: string
  readonly shape: Shape
  readonly p: number
}

/** What elaboration knows while it walks the layers. */
export interface Context {
  readonly b: Builder
  /** Dropout acts, and batch norms that learn use the batch's statistics. */
  readonly training: boolean
  /** Does any tensor at or below this path learn? */
  readonly learnsUnder: (path: string) => boolean
  /** Sizes that inputs name, such as original_size. */
  readonly sizes: Readonly<Record<string, readonly [height: number, width: number]>>
  readonly dropouts: DropoutInput[]
  /** New running statistics: buffer → value. */
  readonly updates: Map<string, number>
}

/** A layer that does not fit what it is given, with the layers around it. */
export class Misfit extends Error {
  readonly path: string
  readonly at: string | undefined
  constructor(message: string, path: string, at: string | undefined) {
    super(message)
    this.name = "Misfit"
    this.path = path
    this.at = at
  }
}

/** Runs one layer's rule; what goes wrong in it is told with the innermost path and place. */
export const within = <A>(ctx: Context, path: string, layer: LayerData, rule: () => A): A => {
  try {
    return path === "" ? rule() : ctx.b.from(path, rule)
  } catch (problem) {
    if (problem instanceof Misfit) {
      if (problem.at === undefined && layer.at !== undefined) throw new Misfit(problem.message, problem.path, layer.at)
      throw problem
    }
    const message = problem instanceof Error ? problem.message : String(problem)
    if (message.startsWith("internal:")) throw problem
    throw new Misfit(message, path, layer.at)
  }
}
