/**
 * Shapes, misfits and what depends on what, without the whole graph. Of each module its outline is kept: the shapes of its outputs, and on
 * which of its inputs and tensors each depends. Models that differ in a few layers, as in their ranks, share all their other modules, and
 * with them the work. A module runs in a graph of its own, so that its outline holds wherever it stands.
 */
import type { LayerData, ModuleData } from "../../../dsl/layer.ts"
import { childrenOf } from "../../../dsl/tensors.ts"
import { Builder, type Value } from "../../ir/builder.ts"
import type { Shape } from "../../ir/graph.ts"
import { reachOf, type StandIn } from "../../ir/reach.ts"
import type { Context } from "./context.ts"

type Values = Readonly<Record<string, Value | undefined>>

interface OutputOutline {
  readonly shape: Shape
  /** Names of the module's inputs. */
  readonly inputs: readonly string[]
  /** Names of tensors, below the module. */
  readonly parameters: readonly string[]
}
/** Of outputs that the module does not give, nothing; of what is no tensor, the marker itself. */
type Outline = Readonly<Record<string, OutputOutline | number | undefined>>

/** Of modules that fit. One that does not is told anew, at its place. */
const known = new WeakMap<ModuleData, Map<string, Outline>>()

/** Tensors of shared layers are named by the whole network. */
const sharing = new WeakMap<LayerData, boolean>()
const shares = (layer: LayerData): boolean => {
  const before = sharing.get(layer)
  if (before !== undefined) return before
  const found = layer.kind === "shared" || childrenOf(layer).some(([, child]) => shares(child))
  sharing.set(layer, found)
  return found
}

const isTensor = (value: Value | undefined): value is Value => value !== undefined && value >= 0

type Run = (ctx: Context, inputs: Values) => Values

const outlineOf = (ctx: Context, path: string, inputs: Values, run: Run): Outline => {
  const b = new Builder()
  const standIns = new Map<Value, StandIn>()
  const given = Object.entries(inputs).map(
    ([name, value]) => [name, isTensor(value) ? b.input(name, ctx.b.shapeOf(value)) : value] as const,
  )
  const outputs = run({ ...ctx, b, standIns }, Object.fromEntries(given))
  return Object.fromEntries(
    Object.entries(outputs).map(([name, value]) => {
      if (!isTensor(value)) return [name, value]
      const { parameters, inputs } = reachOf(b, [value], standIns)
      const below = [...parameters].map((parameter) => parameter.slice(path.length + 1))
      return [name, { shape: b.shapeOf(value), inputs: [...inputs], parameters: below }]
    }),
  )
}

/** What `run` gives for a module at a path, as values that stand for it. */
export const outlined = (ctx: Context, module: ModuleData, path: string, inputs: Values, run: Run): Values => {
  const { b, standIns } = ctx
  if (standIns === undefined || path === "" || shares(module)) return run(ctx, inputs)
  const shapes = Object.values(inputs).map((value) => (isTensor(value) ? b.shapeOf(value) : (value ?? null)))
  const key = JSON.stringify([shapes, ctx.extents])
  const outlines = known.get(module) ?? new Map<string, Outline>()
  known.set(module, outlines)
  const outline = outlines.get(key) ?? outlineOf(ctx, path, inputs, run)
  outlines.set(key, outline)
  return Object.fromEntries(
    Object.entries(outline).map(([name, of]) => {
      if (of === undefined || typeof of === "number") return [name, of]
      // A module that is called twice gives two values.
      const value = b.input(`${path}>${name}#${standIns.size}`, of.shape)
      standIns.set(value, {
        operands: of.inputs.map((input) => inputs[input]!),
        parameters: of.parameters.map((parameter) => `${path}.${parameter}`),
      })
      return [name, value]
    }),
  )
}
