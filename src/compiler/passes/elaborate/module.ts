/** A module's steps, one after another. */
import type { Condition, LayerData, ModuleData, Step } from "../../../dsl/layer.ts"
import { join } from "../../../dsl/tensors.ts"
import { type Context, within } from "./context.ts"
import { meanings } from "./functions.ts"

type Values = Readonly<Record<string, number | undefined>>
type Run = (ctx: Context, layer: LayerData, path: string, x: number) => number

const holds = (values: Values, conditions: readonly Condition[]): boolean =>
  conditions.every((c) => ("present" in c ? values[c.present] !== undefined : values[c.absent] === undefined))

/** A child, or one layer of a list, and its path. */
const member = (
  module: ModuleData,
  path: string,
  name: string,
  index: number | undefined,
): readonly [LayerData, string] => {
  const child = module.children[name]!
  const below = join(path, name)
  return index === undefined || child.kind !== "list" ? [child, below] : [child.layers[index]!, join(below, `${index}`)]
}

const readTensor = ({ b }: Context, layer: LayerData, path: string): number =>
  layer.kind === "embedding"
    ? b.parameter(join(path, "weight"), [layer.rows, layer.gives])
    : b.parameter(path, (layer as Extract<LayerData, { kind: "parameter" }>).shape)

const outsOf = (step: Step): readonly string[] => ("outs" in step ? step.outs : [step.out])

/**
 * Named inputs → named outputs; optional inputs may be missing, and so may what depends on them.
 * A step whose results are among the inputs already is not run: so a value inside can be given from outside.
 */
export const runModule = (ctx: Context, module: ModuleData, path: string, inputs: Values, run: Run): Values => {
  const values: Record<string, number | undefined> = { ...inputs }

  const perform = (step: Step): void => {
    if ("read" in step) {
      values[step.out] = readTensor(ctx, ...member(module, path, step.read, step.index))
    } else if ("fn" in step) {
      if (step.fn === "either") {
        const [yes, no] = step.args
        const chosen = values[step.attrs["given"] as string] === undefined ? no : yes
        values[step.out] = chosen === undefined ? undefined : values[chosen]
      } else {
        const given = step.args.map((arg) => values[arg]).filter((value) => value !== undefined)
        values[step.out] = meanings[step.fn](ctx, given, step.attrs)
      }
    } else {
      const [child, below] = member(module, path, step.call, step.index)
      const args = step.args.map((arg) => values[arg])
      const outs = call(ctx, child, below, args, run)
      step.outs.forEach((out, i) => {
        values[out] = outs[i]
      })
    }
  }
  within(ctx, path, module, () => {
    for (const step of module.steps) {
      const given = outsOf(step).every((out) => values[out] !== undefined)
      if (!given && (step.when === undefined || holds(values, step.when))) perform(step)
    }
  })
  return Object.fromEntries(Object.entries(module.outputs).map(([name, value]) => [name, values[value]]))
}

const call = (
  ctx: Context,
  child: LayerData,
  path: string,
  args: readonly (number | undefined)[],
  run: Run,
): readonly (number | undefined)[] => {
  if (child.kind !== "module") return [run(ctx, child, path, args[0]!)]
  const inputs = Object.fromEntries(child.inputs.map((name, i) => [name, args[i]]))
  return Object.values(runModule(ctx, child, path, inputs, run))
}
