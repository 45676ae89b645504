import type { Repeated } from "./combinators.ts"
import {
  type Child,
  dataOf,
  type Layer,
  type LayerData,
  type List,
  type Module,
  type Pair,
  type TreeOf,
} from "./layer.ts"
import { callSite } from "./place.ts"
import type { PlacementData } from "./placement.ts"
import type { Selector } from "./selector.ts"
import type { NoInput, NoOutput, NotFed, OneInput } from "./sentences.ts"
import { type Feed, imageOf, type Takes, type Taught, type Teaches } from "./task.ts"
import type { Value } from "./value.ts"
import type { Problem } from "./width.ts"

/** What adapters must fit, the parts that can be frozen, and the places in a block that can be edited. */
export interface Backbone<
  Depth extends number = number,
  Width extends number = number,
  Part extends string = string,
  Place extends string = string,
> {
  readonly depth: Depth
  readonly width: Width
  readonly part: Part
  readonly place: Place
}

/** Layers added to blocks by one `adapt`. */
export interface Adaptation {
  readonly depth: number
  readonly blocks: readonly {
    readonly block: number
    readonly rank: number
    readonly placements: readonly PlacementData[]
  }[]
  /** A block that the schedule was asked about, and that is not there. */
  readonly noSuchBlock?: number
  readonly at?: string
}
/** From here on, the selected tensors learn, or do not. Later rules win. */
export interface Rule {
  readonly learn: boolean
  readonly select: Selector
  readonly at?: string
}
/** How much of the model there was when an expectation was written on it: what comes later is not its business. */
export interface Written {
  readonly adaptations: number
  readonly rules: number
}
export type Expectation = { readonly on: Written; readonly at?: string } & (
  | { readonly kind: "trainable" | "total"; readonly count: number }
  | { readonly kind: "budget"; readonly trainable?: number; readonly bytes?: number }
)

/** A model, and the names of its parts that learn. Plain data: the compiler puts it together. */
export interface Model<in out B extends Backbone = any, in out Learns extends string = any> {
  readonly kind: "model"
  readonly backbone: B
  readonly learns: Learns
  readonly data: ModelData
}
export interface ModelData {
  /** What it is called: SAM ViT-B. */
  readonly name: string
  /** Before anything is added. */
  readonly network: LayerData
  readonly takes: Takes
  readonly teaches: Teaches
  /** Outputs that may be kept for each image while nothing before them learns. */
  readonly keeps: readonly string[]
  /** Part → path of its module. */
  readonly parts: Readonly<Record<string, string>>
  /** Paths of the lists of blocks that can be adapted, one a stage. */
  readonly blocks: readonly string[]
  readonly adaptations: readonly Adaptation[]
  readonly rules: readonly Rule[]
  readonly expectations: readonly Expectation[]
  readonly at?: string
  /** The network for images of another size, where it depends on it. Stays in the thread of the spec. */
  readonly resized?: (size: Pair) => Pick<ModelData, "network" | "takes">
}

const made = new WeakSet<ModelData>()
/** Is it the data of a model that this language made, and no table that looks like it? */
export const isMade = (data: ModelData): boolean => made.has(data)

export const modelOf = <B extends Backbone, L extends string>(data: ModelData): Model<B, L> => {
  made.add(data)
  // `backbone` and `learns` live in the types; at run time `data` says it all.
  return { kind: "model", data } as unknown as Model<B, L>
}

export const isModel = (x: unknown): x is Model =>
  typeof x === "object" && x !== null && (x as { kind?: unknown }).kind === "model" && "data" in x

/** The model for images of another size. What depends on the size, such as position tables, follows; all else stays. */
export const withImageSize = (model: ModelData, size: Pair | undefined): ModelData => {
  const image = imageOf(model.takes)
  if (size === undefined || image === undefined) return model
  if (model.resized !== undefined) return { ...model, ...model.resized(size) }
  return { ...model, takes: { ...model.takes, [image.name]: { ...image.pixels, size } } }
}

// ---- types of model(…)

type InputsOf<L> = L extends Module<infer I, any, any> ? I : never
type OutputsOf<L> = L extends Module<any, infer O, any> ? O : never
type NeededOf<I> = {
  [K in keyof I]-?: undefined extends I[K] ? never : I[K] extends Value<any> ? K : never
}[keyof I] &
  string
type Several<T, All = T> = T extends All ? ([All] extends [T] ? false : true) : never

// A sentence for each name.
type Ungiven<Name> = Name extends string ? Problem<NoOutput<Name>> : never

/** Are these inputs the network's, and are all fed that it needs? One unnamed input has the name that it is given here. */
type Fed<L, T> =
  L extends Layer<any, any, any>
    ? Several<keyof T> extends true
      ? Problem<OneInput>
      : unknown
    : InputsOf<L> extends Value<any>
      ? Several<keyof T> extends true
        ? Problem<OneInput>
        : unknown
      : [Exclude<keyof T, keyof InputsOf<L>>] extends [never]
        ? [Exclude<NeededOf<InputsOf<L>>, keyof T>] extends [never]
          ? unknown
          : Problem<NotFed<Exclude<NeededOf<InputsOf<L>>, keyof T>>>
        : Problem<NoInput<Exclude<keyof T, keyof InputsOf<L>> & string>>
type Gives<L, T> =
  L extends Layer<any, any, any>
    ? unknown
    : OutputsOf<L> extends Value<any>
      ? unknown
      : [Exclude<keyof T, keyof OutputsOf<L>>] extends [never]
        ? unknown
        : Ungiven<Exclude<keyof T, keyof OutputsOf<L>>>

type At<L, Path> = Path extends `${infer Head}.${infer Rest}` ? At<ChildOf<L, Head>, Rest> : ChildOf<L, Path>
type ChildOf<L, Name> =
  TreeOf<L> extends infer Tree
    ? Tree extends Repeated<any, infer Inner>
      ? Inner
      : Name extends keyof Tree
        ? Tree[Name]
        : unknown
    : unknown
/** Blocks in a row: how many, and one of them. */
type Row<L> = L extends readonly (infer B)[]
  ? { readonly depth: L["length"]; readonly block: B }
  : L extends List<infer Ls>
    ? { readonly depth: Ls["length"]; readonly block: Ls[number] }
    : TreeOf<L> extends infer Tree
      ? Tree extends Repeated<infer N, infer B>
        ? { readonly depth: N; readonly block: B }
        : Tree extends readonly (infer B)[]
          ? { readonly depth: Tree["length"]; readonly block: B }
          : { readonly depth: number; readonly block: unknown }
      : never
type WidthOf<B> = B extends Layer<infer In, any, any> ? (Several<In> extends false ? In : number) : number
/** Paths of all children of a layer, where its type knows them: "attn" | "attn.qkv" | … */
export type PlacesOf<L> = unknown extends TreeOf<L> ? never : PathsIn<TreeOf<L>>
type PathsIn<Tree> = {
  [K in keyof Tree & string]: K | `${K}.${PlacesOf<Tree[K]>}`
}[keyof Tree & string]
type PlaceOf<B> = [PlacesOf<B>] extends [never] ? string : PlacesOf<B>
type RowBackbone<R, Part extends string> = R extends { readonly depth: infer D extends number; readonly block: infer B }
  ? Backbone<D, WidthOf<B>, Part, PlaceOf<B>>
  : Backbone<number, number, Part>
type PartOf<L> = unknown extends TreeOf<L> ? string : keyof TreeOf<L> & string
type BackboneOf<L, Blocks> = [Blocks] extends [never]
  ? Backbone<0, number, PartOf<L>, never>
  : Blocks extends string
    ? RowBackbone<Row<At<L, Blocks>>, PartOf<L>>
    : Backbone<number, number, PartOf<L>>

export interface ModelOptions<T extends Takes, O extends Teaches, Blocks> {
  readonly name: string
  /** What each input of the network is fed. */
  readonly takes: T
  /** What each output is compared with. Left out: the model cannot be trained. */
  readonly teaches?: O
  /** Outputs that may be kept for each image while nothing before them learns. */
  readonly keeps?: readonly string[]
  /** Path of the transformer blocks that can be adapted; several for networks of several stages. */
  readonly blocks?: Blocks
  /** Part → path of its module. Default: the network's children. */
  readonly parts?: Readonly<Record<string, string>>
  /** Network and inputs for images of another size, where they depend on it. */
  readonly resized?: (size: Pair) => { readonly network: Child; readonly takes: Takes }
}

/**
 * A model of any network: what it takes from a sample, and what it is taught. Its parts are the network's children; everything learns until frozen.
 *
 * @example
 * model(unet, { name: "U-Net", takes: { image: pixels({ size: [96, 128], channels: 1 }) }, teaches: { masks: masks() } })
 */
export const model = <
  L extends Child,
  const T extends Readonly<Record<string, Feed>>,
  const O extends Readonly<Record<string, Taught>> = Record<never, never>,
  const Blocks extends string | readonly string[] = never,
>(
  network: L,
  options: ModelOptions<T, O, Blocks> & { readonly takes: Fed<L, T> } & { readonly teaches?: Gives<L, O> },
): Model<BackboneOf<L, Blocks>, PartOf<L>> => {
  const {
    name,
    takes,
    teaches = {},
    keeps = [],
    blocks = [],
    parts,
    resized,
  } = options as ModelOptions<Takes, Teaches, string | readonly string[]>
  const data = dataOf(network)
  const at = callSite()
  const children = data.kind === "module" ? Object.keys(data.children) : []
  const own = children.length === 0 ? { all: "" } : Object.fromEntries(children.map((child) => [child, child]))
  return modelOf({
    name,
    network: data,
    takes,
    teaches,
    keeps,
    parts: parts ?? own,
    blocks: typeof blocks === "string" ? [blocks] : blocks,
    adaptations: [],
    rules: [],
    expectations: [],
    ...(at === undefined ? {} : { at }),
    ...(resized === undefined
      ? {}
      : {
          resized: (size: Pair) => {
            const { network, takes } = resized(size)
            return { network: dataOf(network), takes }
          },
        }),
  })
}
