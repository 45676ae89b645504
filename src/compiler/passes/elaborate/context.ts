import type { LayerData } from "../../../dsl/layer.ts"
import type { Builder, Value } from "../../ir/builder.ts"
import type { Shape } from "../../ir/graph.ts"
import type { StandIn } from "../../ir/reach.ts"

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
  /** Inputs that are sizes, such as original_size, under the names that the module at hand has for them. */
  readonly extents: Readonly<Record<string, readonly [height: number, width: number]>>
  /** Where shared layers have their tensors. */
  readonly shared: ReadonlyMap<number, string>
  readonly dropouts: DropoutInput[]
  /** New running statistics: buffer → value. */
  readonly updates: Map<string, number>
  /** Values that stand for modules, where only outlines are asked for. */
  readonly standIns?: Map<Value, StandIn>
}

/** Widths that do not fit: told where the layer is called, in the editor's own sentence. */
export class WrongWidths extends Error {}

/** A layer that does not fit what it is given, with the layers around it. */
export class Misfit extends Error {
  readonly path: string
  readonly at: string | undefined
  /** The message is a sentence that the editor has, too. */
  readonly widths: boolean
  constructor(message: string, path: string, at: string | undefined, widths = false) {
    super(message)
    this.name = "Misfit"
    this.path = path
    this.at = at
    this.widths = widths
  }
}

/** The same problem, told at this place if it has none of its own yet. */
export const placed = (problem: Misfit, at: string | undefined): Misfit =>
  problem.at === undefined && at !== undefined ? new Misfit(problem.message, problem.path, at, problem.widths) : problem

/** Runs one layer's rule; what goes wrong in it is told with the innermost path and place. */
export const within = <A>(ctx: Context, path: string, layer: LayerData, rule: () => A): A => {
  try {
    return path === "" ? rule() : ctx.b.from(path, rule)
  } catch (problem) {
    if (problem instanceof Misfit) throw placed(problem, layer.at)
    if (problem instanceof WrongWidths) throw new Misfit(problem.message, path, undefined, true)
    const message = problem instanceof Error ? problem.message : String(problem)
    if (message.startsWith("internal:")) throw problem
    throw new Misfit(message, path, layer.at)
  }
}
