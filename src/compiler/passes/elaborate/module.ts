/** A module's steps, one after another. */
import type { Condition, LayerData, ModuleData, Step } from "../../../dsl/layer.ts"
import { takesOther } from "../../../dsl/sentences.ts"
import { join } from "../../../dsl/tensors.ts"
import { type Context, Misfit, placed, WrongWidths, within } from "./context.ts"
import { meanings } from "./functions.ts"
import { outlined } from "./outline.ts"

type Values = Readonly<Record<string, number | undefined>>
type Run = (ctx: Context, layer: LayerData, path: string, x: number) => number

const holds = (values: Values, conditions: readonly Condition[]): boolean =>
  conditions.every((c) => ("present" in c ? values[c.present] !== undefined : values[c.absent] === undefined))

const unshared = (layer: LayerData): LayerData =>
  layer.kind === "shared" && layer.layer.kind === "list" ? layer.layer : layer

/** A child, or one layer of a list, and its path. */
const member = (
  module: ModuleData,
  path: string,
  name: string,
  index: number | undefined,
): readonly [LayerData, string] => {
  const child = unshared(module.children[name]!)
  const below = join(path, name)
  return index === undefined || child.kind !== "list" ? [child, below] : [child.layers[index]!, join(below, `${index}`)]
}

const readTensor = (ctx: Context, layer: LayerData, path: string): number => {
  const { b } = ctx
  if (layer.kind === "shared") return readTensor(ctx, layer.layer, ctx.shared.get(layer.id) ?? path)
  if (layer.kind === "embedding") return b.parameter(join(path, "weight"), [layer.rows, layer.gives])
  // What is given with its values and is in no checkpoint is a constant of the program.
  if (layer.kind === "buffer" && !layer.persistent && "values" in layer.init)
    return b.constant(layer.init.values, layer.shape)
  return b.parameter(path, (layer as Extract<LayerData, { kind: "parameter" }>).shape)
}

const outsOf = (step: Step): readonly string[] => ("outs" in step ? step.outs : [step.out])

/**
 * Named inputs → named outputs; optional inputs may be missing, and so may what depends on them.
 * A step whose results are among the inputs already is not run: so a value inside can be given from outside.
 */
export const runModule = (ctx: Context, module: ModuleData, path: string, inputs: Values, run: Run): Values => {
  const values: Record<string, number | undefined> = { ...inputs }
  const demandWidths = (): void => {
    for (const [name, width] of Object.entries(module.widths ?? {})) {
      const value = inputs[name]
      const shape = value === undefined || value < 0 ? [] : ctx.b.shapeOf(value)
      // Images have their channels second, tokens their features last; of [batch, n] nothing is said.
      const found = shape.length === 4 ? [shape[1], shape[3]] : shape.length === 3 ? [shape[2]] : [width]
      if (width > 0 && !found.includes(width)) throw new WrongWidths(takesOther(width, found[0] ?? 0))
    }
  }

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
        if (given.length < step.args.length && step.fn !== "concat")
          throw new Error(
            `${step.fn} needs '${missing(module, step.args, values)}', which is not given: ask by ifGiven or whenGiven`,
          )
        values[step.out] = meanings[step.fn](ctx, given, step.attrs)
      }
    } else {
      const [child, below] = member(module, path, step.call, step.index)
      const outs = call(ctx, child, below, step.args, values, run)
      step.outs.forEach((out, i) => {
        values[out] = outs[i]
      })
    }
  }
  /** What goes wrong in a step is told where the forward does it, unless a layer further in has a place of its own. */
  const attempt = (step: Step): void => {
    try {
      perform(step)
    } catch (problem) {
      if (problem instanceof Misfit) throw placed(problem, step.at)
      if (problem instanceof WrongWidths) throw new Misfit(problem.message, path, step.at, true)
      throw problem
    }
  }
  within(ctx, path, module, () => {
    demandWidths()
    for (const step of module.steps) {
      const given = outsOf(step).every((out) => values[out] !== undefined)
      if (!given && (step.when === undefined || holds(values, step.when))) attempt(step)
    }
  })
  return Object.fromEntries(Object.entries(module.outputs).map(([name, value]) => [name, values[value]]))
}

const missing = (module: ModuleData, args: readonly string[], values: Values): string =>
  args.find((arg) => values[arg] === undefined && module.optional.includes(arg)) ??
  args.find((arg) => values[arg] === undefined) ??
  ""

const call = (
  ctx: Context,
  child: LayerData,
  path: string,
  args: readonly string[],
  values: Values,
  run: Run,
): readonly (number | undefined)[] => {
  if (child.kind === "shared" && child.layer.kind === "module")
    return call(ctx, child.layer, ctx.shared.get(child.id) ?? path, args, values, run)
  const given = args.map((arg) => values[arg])
  if (child.kind !== "module") {
    const [x] = given
    if (x === undefined) throw new Error("this layer needs a value that is not given: ask by ifGiven or whenGiven")
    return [run(ctx, child, path, x)]
  }
  const lacking = child.inputs.filter((name, i) => given[i] === undefined && !child.optional.includes(name))
  if (lacking.length > 0) throw new Error(`'${child.name}' needs ${lacking.join(", ")}, which it is not given`)
  const inputs = Object.fromEntries(child.inputs.map((name, i) => [name, given[i]]))
  const extents = Object.fromEntries(
    (child.extents ?? []).flatMap((name) => {
      const arg = args[child.inputs.indexOf(name)] ?? ""
      const size = ctx.extents[arg]
      return size === undefined ? [] : [[name, size] as const]
    }),
  )
  const within = child.extents === undefined ? ctx : { ...ctx, extents }
  return Object.values(outlined(within, child, path, inputs, (c, values) => runModule(c, child, path, values, run)))
}
