/**
 * elaborate: a model's layers become a graph, for inputs of one size. Every input that the model declares is fed; optional ones may be left out.
 */
import type { LayerData, Pair } from "../../../dsl/layer.ts"
import type { ModelData } from "../../../dsl/model.ts"
import { networkOf } from "../../../dsl/network.ts"
import { type Feed, imageOf, type Pixels, type Prompting } from "../../../dsl/task.ts"
import { sharedPaths } from "../../../dsl/tensors.ts"
import { asks, defaultPrompt } from "../../../dsl/training.ts"
import { Builder, type Value } from "../../ir/builder.ts"
import type { Shape } from "../../ir/graph.ts"
import { reachOf, type StandIn } from "../../ir/reach.ts"
import type { Context, DropoutInput } from "./context.ts"
import { run } from "./layers.ts"
import { runModule } from "./module.ts"

/** Sizes of one run. A program is compiled for one of these. */
export interface InputSizes {
  readonly batch: number
  /** Inputs that are given, and their shapes without the batch. */
  readonly inputs: Readonly<Record<string, Shape>>
  /** Inputs that are there without a tensor, such as multimask. */
  readonly flags: readonly string[]
  /** Inputs that are a [height, width], such as original_size; the image's own size where one is left out. */
  readonly extents: Readonly<Record<string, Pair>>
}

export interface ElaborateOptions {
  /** Dropout acts, batch norms that learn use the batch. Default: false. */
  readonly training?: boolean
  /** Names of the tensors that learn. */
  readonly learning?: readonly string[]
  /** Outputs that are inputs here: what was kept of an image. */
  readonly kept?: readonly string[]
}

export interface Elaborated {
  readonly builder: Builder
  /** Name → value, as the network or, of one unnamed output, the model calls them. */
  readonly outputs: Readonly<Record<string, number>>
  readonly dropouts: readonly DropoutInput[]
  /** New running statistics of batch norms that learn: buffer → value. */
  readonly updates: ReadonlyMap<string, number>
}

/** The shape of an input, without the batch, with one prompt of a kind. */
const shapeOf = (feed: Feed): Shape => {
  switch (feed.kind) {
    case "pixels":
      return [feed.channels, ...feed.size]
    case "points":
      return feed.part === "coords" ? [1, 2] : [1]
    case "box":
      return [4]
    case "mask":
      return [1, ...feed.size]
    case "given":
      return feed.shape
  }
}

/** Inputs of the network that are a size. */
export const extentsOf = (network: LayerData): readonly string[] =>
  network.kind === "module" ? (network.extents ?? []) : []

/** Whole images, asked by one prompt of this kind or of these together, a point where the model takes one: what reports and budgets speak of. */
export const standardSizes = (
  model: ModelData,
  batch = 1,
  asked: Prompting | readonly Prompting[] = asks(defaultPrompt(model)),
): InputSizes => {
  const together: readonly string[] = typeof asked === "string" ? [asked] : asked
  const size = imageOf(model.takes)?.pixels.size ?? [1, 1]
  return {
    batch,
    inputs: Object.fromEntries(
      Object.entries(model.takes)
        .filter(([, feed]) => feed.kind === "pixels" || feed.kind === "given" || together.includes(feed.kind))
        .map(([name, feed]) => [name, shapeOf(feed)]),
    ),
    flags: [],
    extents: Object.fromEntries(extentsOf(model.network).map((name) => [name, size])),
  }
}

/** Is `path` this name, or above it? */
const under = (name: string, path: string): boolean => path === "" || name === path || name.startsWith(`${path}.`)

/** (x − mean) / deviation: what the network sees. */
const normalised = (b: Builder, x: number, { mean, deviation }: Pixels): number => {
  const each = (values: readonly number[]) => b.constant(values, [values.length, 1, 1])
  const centred = mean === undefined ? x : b.sub(x, each(mean))
  return deviation === undefined ? centred : b.div(centred, each(deviation))
}

/** A network's own name for an input; of one unnamed input, the one that it has. */
const inputName = (network: LayerData, name: string): string =>
  network.kind === "module" && network.single ? (network.inputs[0] ?? name) : name

/** What the model calls its outputs. */
const outputNames = (model: ModelData, network: LayerData): Readonly<Record<string, string>> => {
  if (network.kind === "module" && network.byName)
    return Object.fromEntries(Object.keys(network.outputs).map((n) => [n, n]))
  return { out: Object.keys(model.teaches)[0] ?? "output" }
}

/** A marker of what is there without a tensor. */
const present = -1

const elaborated = (
  model: ModelData,
  sizes: InputSizes,
  options: ElaborateOptions,
  kept: Readonly<Record<string, Shape>>,
  standIns?: Map<Value, StandIn>,
): Elaborated => {
  const builder = new Builder()
  const learning = options.learning ?? []
  const network = networkOf(model)
  const image = imageOf(model.takes)
  const whole = sizes.inputs[image?.name ?? ""]?.slice(-2) as Pair | undefined
  const ctx: Context = {
    b: builder,
    training: options.training ?? false,
    learnsUnder: (path) => learning.some((name) => under(name, path)),
    extents: Object.fromEntries(extentsOf(network).map((name) => [name, sizes.extents[name] ?? whole ?? [1, 1]])),
    shared: sharedPaths(network),
    dropouts: [],
    updates: new Map(),
    ...(standIns === undefined ? {} : { standIns }),
  }
  const inputs = Object.fromEntries(
    Object.entries(sizes.inputs).map(([name, shape]) => {
      const feed = model.takes[name]
      const fed = builder.input(name, [sizes.batch, ...shape])
      return [inputName(network, name), feed?.kind === "pixels" ? normalised(builder, fed, feed) : fed]
    }),
  )
  const names = outputNames(model, network)
  const outputsOf = (): Readonly<Record<string, number | undefined>> => {
    if (network.kind !== "module") return { out: run(ctx, network, "", Object.values(inputs)[0] as number) }
    const flags = Object.fromEntries(sizes.flags.map((name) => [name, present]))
    const given = Object.fromEntries(
      Object.entries(kept).map(([name, shape]) => [network.outputs[name] ?? name, builder.input(name, shape)]),
    )
    return runModule(ctx, network, "", { ...inputs, ...flags, ...given }, run)
  }
  const outputs = Object.fromEntries(
    Object.entries(outputsOf())
      .filter((entry): entry is [string, number] => entry[1] !== undefined)
      .map(([name, value]) => [names[name] ?? name, value]),
  )
  return { builder, outputs, dropouts: ctx.dropouts, updates: ctx.updates }
}

/** The last of each model: what is taught, what a gradient reaches and what a run costs are asked one after the other, of the same graph. */
const last = new WeakMap<ModelData, readonly [key: string, Elaborated]>()

/**
 * Throws Misfit, with the layer's path and place, where a layer does not fit what it is given. The builder may be another caller's, too: it
 * is to be read; a pass that goes on begins with `Builder.of`.
 */
export const elaborate = (model: ModelData, sizes: InputSizes, options: ElaborateOptions = {}): Elaborated => {
  const { kept = [], training = false, learning = [] } = options
  // What learns makes a difference only while training.
  const key = JSON.stringify([sizes, kept, training, training ? learning : []])
  const known = last.get(model)
  if (known?.[0] === key) return known[1]
  const made = elaborateAnew(model, sizes, options)
  last.set(model, [key, made])
  return made
}

/** Shapes of a model's outputs, and what they depend on, without its whole graph. */
export interface Outlined {
  readonly shapeOf: (output: string) => Shape | undefined
  /** Tensors on which these outputs depend; on all, where none is named. */
  readonly parametersOf: (outputs: readonly string[]) => ReadonlySet<string>
}

const lastOutline = new WeakMap<ModelData, readonly [key: string, Outlined]>()

/** The outline of a model as it segments. Throws Misfit, as `elaborate` does. */
export const outline = (model: ModelData, sizes: InputSizes): Outlined => {
  const key = JSON.stringify(sizes)
  const known = lastOutline.get(model)
  if (known?.[0] === key) return known[1]
  const made = outlineAnew(model, sizes)
  lastOutline.set(model, [key, made])
  return made
}

const outlineAnew = (model: ModelData, sizes: InputSizes): Outlined => {
  const standIns = new Map<Value, StandIn>()
  const { builder, outputs } = elaborated(model, sizes, {}, {}, standIns)
  return {
    shapeOf: (output) => (outputs[output] === undefined ? undefined : builder.shapeOf(outputs[output])),
    parametersOf: (names) => {
      const values = names.flatMap((name) => outputs[name] ?? [])
      return reachOf(builder, values.length > 0 ? values : Object.values(outputs), standIns).parameters
    },
  }
}

const elaborateAnew = (model: ModelData, sizes: InputSizes, options: ElaborateOptions): Elaborated => {
  const { kept = [] } = options
  if (kept.length === 0) return elaborated(model, sizes, options, {})
  const { builder, outputs } = elaborated(model, sizes, {}, {})
  const shapes = kept.flatMap((name) => {
    const value = outputs[name]
    return value === undefined ? [] : [[name, builder.shapeOf(value)] as const]
  })
  return elaborated(model, sizes, options, Object.fromEntries(shapes))
}
