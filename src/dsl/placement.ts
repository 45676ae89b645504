import { dataOf, type Init, type Layer, type LayerData } from "./layer.ts"
import { callSite } from "./place.ts"
import type { NotAnAdapter } from "./sentences.ts"
import type { Problem, Rank, Same } from "./width.ts"

/**
 * after: what comes out of the place goes through A. before: what goes in. beside: A of what goes in is added to what comes out. onSkip: the
 * residual connection around the place goes through A. besideSkip: A of the residual connection is added to the sum.
 */
export type How = "after" | "before" | "beside" | "onSkip" | "besideSkip"

export interface AdapterPlacement {
  readonly kind: "adapter"
  /** A path of children in the block: attn, attn.proj, mlp. */
  readonly place: string
  readonly how: How
  readonly layer: LayerData
  readonly scale: number
  /** In the state dict. */
  readonly name: string
  readonly at?: string
}
export interface LoraPlacement {
  readonly kind: "lora"
  /** q, k, v: rows of a fused qkv; or the path of any linear layer in the block, such as attn.proj or mlp.lin1. */
  readonly on: readonly string[]
  /** The fused layer, where it is not attn.qkv. */
  readonly place?: string
  readonly rank: number
  readonly alpha: number
  readonly at?: string
}
/** Tokens that learn beside those of a block. */
export interface TokensPlacement {
  readonly kind: "tokens"
  readonly count: number
  /** They go on to the next block; else they leave after this one. */
  readonly stay: boolean
  readonly init: Init
  readonly name: string
  readonly at?: string
}
/** Keys and values that learn before those of an attention. */
export interface PrefixPlacement {
  readonly kind: "prefix"
  /** Where the block attends. */
  readonly place: string
  readonly count: number
  readonly init: Init
  readonly at?: string
}
/** A rung of a ladder beside the blocks: what its narrow network does there. */
export interface LadderPlacement {
  readonly kind: "ladder"
  /** rank → rank. */
  readonly layer: LayerData
  readonly rank: number
  readonly at?: string
}
export type PlacementData = AdapterPlacement | LoraPlacement | TokensPlacement | PrefixPlacement | LadderPlacement

/** Something to add to a block of this width, at a place that the block must have. */
export interface Placement<in out Width extends number = any, out Place extends string = any> {
  readonly kind: PlacementData["kind"]
  readonly width?: Width
  readonly place?: Place | undefined
}
const placement = <Width extends number, Place extends string>(data: PlacementData): Placement<Width, Place> =>
  data as unknown as Placement<Width, Place>

type Adapter<In extends number, Out extends number> =
  Same<In, Out> extends true ? Layer<In, Out> : Problem<NotAnAdapter<In, Out>>

export interface PlaceOptions {
  /** The name of the added layer in the state dict. */
  readonly name?: string
}
export interface BesideOptions extends PlaceOptions {
  /** Factor of the adapter's output. Default: 1. */
  readonly scale?: number
}
export interface BesideSkipOptions extends BesideOptions {
  /** What A reads: what goes into the place, or the residual connection around it. Default: input. */
  readonly of?: "input" | "skip"
}
export interface LowRankOptions {
  readonly rank: Rank
  /** Thirds of a fused qkv. Default: the whole layer. */
  readonly rows?: readonly ("q" | "k" | "v")[]
  /** W + (alpha / rank) · B A. Default: the rank, so that the factor is 1. */
  readonly alpha?: number
}

/** What can be done at a place of a block. Names in the state dict: after_attn, on_skip_mlp, …, or what `name` says. */
export interface Edits<Place extends string> {
  /** y → A(y), where y comes out of the place, windows put together again. */
  readonly after: <In extends number, Out extends number>(
    layer: Adapter<In, Out>,
    options?: PlaceOptions,
  ) => Placement<In, Place>
  /** x → A(x), where x goes into the place. */
  readonly before: <In extends number, Out extends number>(
    layer: Adapter<In, Out>,
    options?: PlaceOptions,
  ) => Placement<In, Place>
  /** y + scale · A(x). */
  readonly beside: <In extends number, Out extends number>(
    layer: Adapter<In, Out>,
    options?: BesideSkipOptions,
  ) => Placement<In, Place>
  /** A(x) + y for a residual connection x + y around the place. */
  readonly onSkip: <In extends number, Out extends number>(
    layer: Adapter<In, Out>,
    options?: PlaceOptions,
  ) => Placement<In, Place>
  /** A low-rank update of the linear layer at the place: A [rank, in] starts uniform, B [out, rank] at zero. */
  readonly lowRank: (options: LowRankOptions) => Placement<any, Place>
}

const words: Readonly<Record<How, string>> = {
  after: "after",
  before: "before",
  beside: "beside",
  onSkip: "on_skip",
  besideSkip: "beside_skip",
}
const placed = <In extends number, Place extends string>(
  place: string,
  how: How,
  layer: unknown,
  { scale = 1, name = `${words[how]}_${place.split(".").at(-1)}` }: BesideOptions = {},
): Placement<In, Place> => {
  const at = callSite()
  const data = dataOf(layer as Layer)
  return placement({ kind: "adapter", place, how, layer: data, scale, name, ...(at === undefined ? {} : { at }) })
}

/** A place in the block's own tree, by the names of its children: `at("mlp").onSkip(A)`, `at("attn.qkv").lowRank({ rank })`. */
export const at = <const Place extends string>(place: Place): Edits<Place> => ({
  after: (layer, options) => placed(place, "after", layer, options),
  before: (layer, options) => placed(place, "before", layer, options),
  beside: (layer, { of = "input", ...options } = {}) =>
    placed(place, of === "skip" ? "besideSkip" : "beside", layer, options),
  onSkip: (layer, options) => placed(place, "onSkip", layer, options),
  lowRank: ({ rank, rows, alpha = rank }) => {
    const site = callSite()
    return placement({
      kind: "lora",
      on: rows ?? [place],
      place,
      rank,
      alpha,
      ...(site === undefined ? {} : { at: site }),
    })
  },
})

/** x₁ = x + A(a): in series, after attention and its output projection, once windows are put together again. */
export const afterAttention = <In extends number, Out extends number>(
  layer: Adapter<In, Out>,
  { name = "after_attention" }: PlaceOptions = {},
): Placement<In, "attn"> => at("attn").after(layer, { name })

/** out = x₁ + A(mlp(n₂)): in series after the MLP, Houlsby's second. */
export const afterMlp = <In extends number, Out extends number>(
  layer: Adapter<In, Out>,
  { name = "after_mlp" }: PlaceOptions = {},
): Placement<In, "mlp"> => at("mlp").after(layer, { name })

/** out = A(x₁) + mlp(n₂): on the MLP's skip path. */
export const inMlpResidual = <In extends number, Out extends number>(
  layer: Adapter<In, Out>,
  { name = "in_mlp_residual" }: PlaceOptions = {},
): Placement<In, "mlp"> => at("mlp").onSkip(layer, { name })

/** out = x₁ + mlp(n₂) + scale · A(n₂): beside the MLP, on what the MLP reads. */
export const besideMlp = <In extends number, Out extends number>(
  layer: Adapter<In, Out>,
  { name = "beside_mlp", ...options }: BesideOptions = {},
): Placement<In, "mlp"> => at("mlp").beside(layer, { name, ...options })

/** out = x₁ + mlp(n₂) + scale · A(x₁): beside the MLP, on the residual itself, as AdaptFormer. */
export const besideMlpResidual = <In extends number, Out extends number>(
  layer: Adapter<In, Out>,
  { name = "beside_mlp_residual", ...options }: BesideOptions = {},
): Placement<In, "mlp"> => at("mlp").beside(layer, { name, of: "skip", ...options })

export interface LoraOptions {
  readonly rank: Rank
  readonly on: readonly ("q" | "k" | "v" | "attn.qkv" | "attn.proj" | "mlp.lin1" | "mlp.lin2" | (string & {}))[]
  /** W + (alpha / rank) · B A. Default: the rank, so that the factor is 1. */
  readonly alpha?: number
}

/** Low-rank updates of linear layers: A [rank, in] starts uniform, B [out, rank] at zero. */
export const lora = ({ rank, on, alpha = rank }: LoraOptions): Placement<any, never> => {
  const site = callSite()
  return placement({ kind: "lora", on, rank, alpha, ...(site === undefined ? {} : { at: site }) })
}

export interface PromptTokensOptions extends PlaceOptions {
  /** Go on to the next block, after its own tokens: visual prompt tuning, shallow. Default: false, they leave after this one. */
  readonly stay?: boolean
  /** Default: normal, with a deviation of 0.02. */
  readonly init?: Init
}
/**
 * `count` tokens that learn join a block's own [b, n, width], and leave after it: visual prompt tuning, deep (Jia et al. 2022). For blocks whose tokens are a
 * sequence; SAM's are a grid.
 */
export const promptTokens = (
  count: Rank,
  { stay = false, init = { normal: 0.02 }, name = "prompt_tokens" }: PromptTokensOptions = {},
): Placement<any, never> => {
  const site = callSite()
  return placement({ kind: "tokens", count, stay, init, name, ...(site === undefined ? {} : { at: site }) })
}

export interface KeysAndValuesOptions<Place extends string> {
  /** Where the block attends. Default: attn. */
  readonly place?: Place
  /** Default: normal, with a deviation of 0.02. */
  readonly init?: Init
}
/** `count` keys and values that learn, before those of a block's attention: prefix tuning (Li and Liang 2021). Tensors: attn.prefix_k and attn.prefix_v. */
export const keysAndValues = <const Place extends string = "attn">(
  count: Rank,
  { place = "attn" as Place, init = { normal: 0.02 } }: KeysAndValuesOptions<Place> = {},
): Placement<any, Place> => {
  const site = callSite()
  return placement({ kind: "prefix", place, count, init, ...(site === undefined ? {} : { at: site }) })
}

/**
 * A rung of ladder side-tuning (Sung et al. 2022): a network `rank` features wide beside the blocks, fed from each block that has a rung; `layer` is what it does
 * there. Its end is added to the blocks' own, through a projection that starts at zero. No gradient goes through the blocks.
 *
 * @example
 * adapt(uniform(12, 48), (rank) => [ladder(rank, residual(sequential(layerNorm(rank), linear(rank, rank), gelu)))])
 */
export const ladder = <In extends number, Out extends number>(
  rank: Rank,
  layer: Adapter<In, Out>,
): Placement<any, never> => {
  const site = callSite()
  return placement({
    kind: "ladder",
    rank,
    layer: dataOf(layer as Layer),
    ...(site === undefined ? {} : { at: site }),
  })
}
