import { dataOf, type Layer, type LayerData } from "./layer.ts"
import { callSite } from "./place.ts"
import type { NotAnAdapter } from "./sentences.ts"
import type { Problem, Rank, Same } from "./width.ts"

/** Where in a block a layer goes. With x₁ = x + a, n₂ = norm2(x₁): */
export type Site = "afterAttention" | "inMlpResidual" | "besideMlp" | "besideMlpResidual"

export interface AdapterPlacement {
  readonly kind: "adapter"
  readonly site: Site
  readonly layer: LayerData
  readonly scale: number
  readonly at?: string
}
export interface LoraPlacement {
  readonly kind: "lora"
  /** q, k, v: rows of the fused attn.qkv; or the path of any linear layer in the block, such as attn.proj or mlp.lin1. */
  readonly on: readonly string[]
  readonly rank: number
  readonly alpha: number
  readonly at?: string
}
export type PlacementData = AdapterPlacement | LoraPlacement

/** Something to add to a block of this width. */
export interface Placement<in out Width extends number = any> {
  readonly kind: PlacementData["kind"]
  readonly width?: Width
}
const placement = <Width extends number>(data: PlacementData): Placement<Width> => data as unknown as Placement<Width>

type Adapter<In extends number, Out extends number> =
  Same<In, Out> extends true ? Layer<In, Out> : Problem<NotAnAdapter<In, Out>>

const place = (site: Site, layer: unknown, scale = 1): PlacementData => ({
  kind: "adapter",
  site,
  layer: dataOf(layer as Layer),
  scale,
  at: callSite(),
})

/** x₁ = x + A(a): in series, after attention and its output projection, once windows are put together again. */
export const afterAttention = <In extends number, Out extends number>(layer: Adapter<In, Out>): Placement<In> =>
  placement(place("afterAttention", layer))

/** out = A(x₁) + mlp(n₂): on the MLP's skip path. */
export const inMlpResidual = <In extends number, Out extends number>(layer: Adapter<In, Out>): Placement<In> =>
  placement(place("inMlpResidual", layer))

export interface BesideOptions {
  /** Factor of the adapter's output. Default: 1. */
  readonly scale?: number
}

/** out = x₁ + mlp(n₂) + scale · A(n₂): beside the MLP, on what the MLP reads. */
export const besideMlp = <In extends number, Out extends number>(
  layer: Adapter<In, Out>,
  { scale }: BesideOptions = {},
): Placement<In> => placement(place("besideMlp", layer, scale))

/** out = x₁ + mlp(n₂) + scale · A(x₁): beside the MLP, on the residual itself, as AdaptFormer. */
export const besideMlpResidual = <In extends number, Out extends number>(
  layer: Adapter<In, Out>,
  { scale }: BesideOptions = {},
): Placement<In> => placement(place("besideMlpResidual", layer, scale))

export interface LoraOptions {
  readonly rank: Rank
  readonly on: readonly ("q" | "k" | "v" | "attn.qkv" | "attn.proj" | "mlp.lin1" | "mlp.lin2" | (string & {}))[]
  /** W + (alpha / rank) · B A. Default: the rank, so that the factor is 1. */
  readonly alpha?: number
}

/** Low-rank updates of linear layers: A [rank, in] starts uniform, B [out, rank] at zero. */
export const lora = ({ rank, on, alpha = rank }: LoraOptions): Placement<any> =>
  placement({ kind: "lora", on, rank, alpha, at: callSite() })
