/**
 * A file that takes images as they are: of any height and width, and asked about any number of objects by points or boxes. It fits the image, encodes
 * it once, asks for every object, and gives masks at the image's own size. What the model takes and is taught says all of it.
 */
import type { Program, Shape } from "../../../compiler/ir/graph.ts"
import { sizeOf } from "../../../compiler/ir/graph.ts"
import { type InputSizes, standardSizes } from "../../../compiler/passes/elaborate/index.ts"
import { inferenceProgram } from "../../../compiler/passes/program.ts"
import type { ModelData } from "../../../dsl/model.ts"
import { imageOf, type Pixels, type Prompting, promptingOf } from "../../../dsl/task.ts"
import { type Sources, sourcesOf } from "../../tensors.ts"
import { Emitter } from "../emitter.ts"
import { lower } from "../lower.ts"
import type { Branch, External, Initializer, OnnxModel, OnnxNode, ValueInfo } from "../model.ts"
import { fed, geometryOf, located, maskFed, scaled, undone } from "./fit.ts"
import { opened } from "./open.ts"

export interface Whole {
  /** The model without its parameters, which are told by `sources`. */
  readonly model: OnnxModel
  readonly sources: Sources
  /** How many objects it may be asked about at once, and by how many points each; without prompts, neither. */
  readonly asks: "any objects, any points" | "one object, any points" | "one object, one point" | "nothing"
}

const inputsOf = ({ graph }: Program): ReadonlyMap<string, Shape> =>
  new Map(graph.nodes.flatMap((node) => (node.op === "input" ? [[node.attrs.name, node.shape] as const] : [])))
/** Outputs of one number an image: what the model says of its own mask. */
const tells = ({ graph }: Program, taught: readonly string[]): readonly string[] =>
  graph.outputs.flatMap(({ name, value }) =>
    !taught.includes(name) && sizeOf(graph.nodes[value]!.shape) === 1 ? [name] : [],
  )

/** Sizes of a run that asks about so many objects at once, each by so many points. */
const sizesFor = (model: ModelData, asked: readonly Prompting[], objects: number, points: number): InputSizes => {
  const sizes = standardSizes(model, objects, asked)
  const inputs = Object.entries(sizes.inputs).map(([name, shape]) => [
    name,
    model.takes[name]?.kind === "points" ? [points, ...shape.slice(1)] : shape,
  ])
  return { ...sizes, inputs: Object.fromEntries(inputs) }
}

/** A lowered model's values under a prefix, but for those that are called otherwise. */
const renamed = (
  { nodes, initializers }: Pick<OnnxModel, "nodes" | "initializers">,
  prefix: string,
  named: ReadonlyMap<string, string>,
  own: ReadonlySet<string>,
) => {
  const made = new Set([...nodes.flatMap(({ outputs }) => outputs), ...initializers.map(({ name }) => name)])
  const call = (name: string) => named.get(name) ?? (made.has(name) && !own.has(name) ? `${prefix}${name}` : name)
  return {
    nodes: nodes.map((one): OnnxNode => ({ ...one, inputs: one.inputs.map(call), outputs: one.outputs.map(call) })),
    initializers: initializers.map((one): Initializer | External => ({ ...one, name: call(one.name) })),
    call,
  }
}

/** Everything of a prompt's kind: its nodes, and what its outputs are called there. */
interface Asking {
  readonly nodes: readonly OnnxNode[]
  readonly outputs: Readonly<Record<string, string>>
  readonly shapes: Readonly<Record<string, Shape>>
  readonly asks: Whole["asks"]
}

/** Is there an image to fit, and nothing else that no image and no prompt gives? */
export const canBeWhole = ({ takes }: Pick<ModelData, "takes">, together?: readonly Prompting[]): boolean => {
  const feeds = Object.values(takes)
  const images = feeds.filter(({ kind }) => kind === "pixels").length
  return (
    images === 1 && feeds.every(({ kind }) => kind !== "given") && (together !== undefined || !onlyByMask({ takes }))
  )
}
/** Then someone has to say that a mask is given: nothing else is left out of the file by itself. */
const onlyByMask = ({ takes }: Pick<ModelData, "takes">): boolean => {
  const prompting = promptingOf(takes)
  return prompting.length > 0 && prompting.every((kind) => kind === "mask")
}

/**
 * `together`: what every object is asked by, all of it at once, such as points and a box. Default: an object is points, or a box.
 */
export const wholeModel = (model: ModelData, together?: readonly Prompting[]): Whole => {
  const { name: image, pixels } = imageOf(model.takes) as { name: string; pixels: Pixels }
  const kinds =
    together === undefined
      ? promptingOf(model.takes).flatMap((kind) => (kind === "mask" ? [] : [[kind]]))
      : [promptingOf(model.takes).filter((kind) => together.includes(kind))]
  const keeps = kinds.length > 0 ? model.keeps : []
  const taught = Object.keys(model.teaches)
  const sources = new Map<string, Sources extends ReadonlyMap<string, infer S> ? S : never>()
  const use = (program: Program): Program => {
    for (const [name, source] of sourcesOf(program)) if (source.loaded) sources.set(name, source)
    return program
  }
  const e = new Emitter(true, "_whole_")
  const joined: (Initializer | External)[] = []
  const at = geometryOf(e, image, pixels)
  const seen = fed(e, image, pixels, at)

  /** A program's nodes where they are wanted, at fixed sizes. */
  const place = (
    program: Program,
    prefix: string,
    given: ReadonlyMap<string, string>,
  ): Readonly<Record<string, string>> => {
    const lowered = lower(use(program).graph, { portable: true })
    const { nodes, initializers, call } = renamed(lowered, prefix, given, new Set(sources.keys()))
    e.nodes.push(...nodes)
    joined.push(...initializers)
    return Object.fromEntries(lowered.outputs.map(({ name }) => [name, call(name)]))
  }
  const shapesOf = ({ graph }: Program): Readonly<Record<string, Shape>> =>
    Object.fromEntries(graph.outputs.map(({ name, value }) => [name, graph.nodes[value]!.shape]))

  const answers = (values: Readonly<Record<string, string>>, shapes: Readonly<Record<string, Shape>>) =>
    Object.entries(values).map(([name, value]): readonly [string, string] => {
      const kind = model.teaches[name]?.kind
      if (kind === undefined) return [name, value]
      if (kind === "point") return [name, located(e, value, pixels, at)]
      return [name, undone(e, value, shapes[name]!.slice(-2) as [number, number], pixels, at)]
    })
  const finish = (
    values: Readonly<Record<string, string>>,
    shapes: Readonly<Record<string, Shape>>,
    inputs: readonly ValueInfo[],
  ) => {
    const outputs = answers(values, shapes)
    const objects = kinds.length > 0 ? "objects" : 1
    return {
      nodes: [
        ...e.nodes,
        ...outputs.map(([name, value]): OnnxNode => ({ op: "Identity", inputs: [value], outputs: [name] })),
      ],
      initializers: [...joined, ...e.initializers],
      inputs: [{ name: image, shape: ["height", "width", 3], type: "uint8" as const }, ...inputs],
      outputs: outputs.map(([name]): ValueInfo => {
        const kind = model.teaches[name]?.kind
        const shape = shapes[name]!.slice(1)
        if (kind === undefined || kind === "point") return { name, shape: [objects, ...shape] }
        return { name, shape: [objects, shape[0]!, "height", "width"] }
      }),
    }
  }

  if (kinds.length === 0) {
    const whole = inferenceProgram(model, standardSizes(model, 1))
    const wanted = [...taught, ...tells(whole, taught)]
    const program = inferenceProgram(model, standardSizes(model, 1), { outputs: wanted })
    const values = place(program, "_model_", new Map([[image, seen]]))
    return { model: finish(values, shapesOf(program), []), sources, asks: "nothing" }
  }

  const kept =
    keeps.length === 0
      ? {}
      : place(inferenceProgram(model, standardSizes(model, 1), { outputs: keeps }), "_image_", new Map([[image, seen]]))

  // Objects of different kinds are counted apart.
  const counted = (kind: Prompting) => (kinds.length === 1 ? "objects" : kind === "box" ? "boxed" : "asked")
  const inputs = Object.entries(model.takes).flatMap(([name, feed]): readonly ValueInfo[] => {
    if (feed.kind === "pixels" || feed.kind === "given" || !kinds.some((list) => list.includes(feed.kind))) return []
    const first = counted(feed.kind)
    if (feed.kind === "mask") return [{ name, shape: [first, 1, "height", "width"] }]
    if (feed.kind === "box") return [{ name, shape: [first, 4] }]
    return [{ name, shape: feed.part === "coords" ? [first, "points", 2] : [first, "points"] }]
  })
  const nameOf = (kind: Prompting) => Object.entries(model.takes).find(([, feed]) => feed.kind === kind)![0]

  const asking = (kinds: readonly Prompting[]): Asking => {
    const kind = kinds.join("_")
    const sizes = (objects: number, points: number) => sizesFor(model, kinds, objects, points)
    const told = tells(inferenceProgram(model, sizes(1, 1)), taught)
    const programAt = (objects: number, points: number) =>
      use(inferenceProgram(model, sizes(objects, points), { kept: keeps, outputs: [...taught, ...told] }))
    const lowerAt = (objects: number, points: number) =>
      // One chunk of attention: how many there are depends on how much is asked.
      lower(programAt(objects, points).graph, { portable: true, scores: Number.MAX_SAFE_INTEGER })
    const one = programAt(1, 1)
    const inner = new Emitter(true, `_${kind}_`)
    const count = (of: Prompting, axis: number) => inner.node("Shape", [nameOf(of)], { start: axis, end: axis + 1 })
    const [objects, points] = [count(kinds[0]!, 0), kinds.includes("points") ? count("points", 1) : undefined]
    const all =
      points === undefined
        ? opened(([n]) => lowerAt(n!, 1), [objects], inner)
        : opened(([n, p]) => lowerAt(n!, p!), [objects, points], inner)
    const byPoints = all ?? (points === undefined ? undefined : opened(([p]) => lowerAt(1, p!), [points], inner))
    const found = byPoints ?? lowerAt(1, 1)
    // What was kept of the image, and the image itself, stand for every object.
    const given = new Map<string, string>()
    for (const [name, shape] of inputsOf(one)) {
      const value = kept[name] ?? (name === image ? seen : undefined)
      const feed = model.takes[name]
      if (value !== undefined)
        given.set(
          name,
          all === undefined
            ? value
            : inner.node("Expand", [value, inner.node("Concat", [objects, inner.ints(shape.slice(1))], { axis: 0 })]),
        )
      else if ((feed?.kind === "points" && feed.part === "coords") || feed?.kind === "box")
        given.set(name, scaled(inner, name, feed.kind, at))
      else if (feed?.kind === "mask") given.set(name, maskFed(inner, name, pixels, at, feed.size))
    }
    const { nodes, initializers, call } = renamed(found, `_${kind}_`, given, new Set(sources.keys()))
    joined.push(
      ...initializers.filter(({ name }) => !inner.initializers.some((own) => own.name === name)),
      ...inner.initializers,
    )
    const outputs = Object.fromEntries([...taught, ...told].map((name) => [name, call(name)]))
    return {
      nodes: [...inner.nodes, ...nodes],
      outputs,
      shapes: shapesOf(one),
      asks:
        all !== undefined
          ? "any objects, any points"
          : byPoints !== undefined
            ? "one object, any points"
            : "one object, one point",
    }
  }

  const list = kinds.map((kinds) => ({ kind: kinds[0]!, ...asking(kinds) }))
  const [first] = list as [(typeof list)[number]]
  if (list.length === 1) {
    e.nodes.push(...first.nodes)
    return { model: finish(first.outputs, first.shapes, inputs), sources, asks: first.asks }
  }
  const chosen = (name: string): string =>
    e.node(
      "Concat",
      list.map(({ kind }) => `_${kind}_or_none_${name}`),
      { axis: 0 },
    )
  for (const { kind, nodes, outputs, shapes } of list) {
    const count = e.node("Shape", [nameOf(kind)], { start: 0, end: 1 })
    const some = e.node("Greater", [
      e.node("Squeeze", [count, e.ints([0])]),
      e.node("Squeeze", [e.ints([0]), e.ints([0])]),
    ])
    const names = Object.keys(outputs)
    const none = names.map((name): OnnxNode => {
      const empty = e.ints([0, ...shapes[name]!.slice(1)])
      return { op: "Expand", inputs: [e.scalar(0), empty], outputs: [`_${kind}_none_${name}`] }
    })
    const branch = (of: readonly OnnxNode[], called: readonly string[]): { readonly branch: Branch } => ({
      branch: { nodes: of, outputs: called },
    })
    e.nodes.push({
      op: "If",
      inputs: [some],
      outputs: names.map((name) => `_${kind}_or_none_${name}`),
      attributes: {
        then_branch: branch(
          nodes,
          names.map((name) => outputs[name]!),
        ),
        else_branch: branch(
          none,
          names.map((name) => `_${kind}_none_${name}`),
        ),
      },
    })
  }
  const values = Object.fromEntries(Object.keys(first.outputs).map((name) => [name, chosen(name)]))
  return {
    model: finish(values, first.shapes, inputs),
    sources,
    asks: list.find(({ asks }) => asks !== "any objects, any points")?.asks ?? first.asks,
  }
}
