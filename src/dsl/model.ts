import type { LayerData } from "./layer.ts"
import type { PlacementData } from "./placement.ts"
import type { SamConfig } from "./sam/config.ts"
import type { Selector } from "./selector.ts"

/** What adapters must fit, and the parts that can be frozen. */
export interface Backbone<Depth extends number = number, Width extends number = number, Part extends string = string> {
  readonly depth: Depth
  readonly width: Width
  readonly part: Part
}
export type SamPart = "imageEncoder" | "promptEncoder" | "maskDecoder"
export interface Sam<Depth extends number = number, Width extends number = number>
  extends Backbone<Depth, Width, SamPart> {}
export interface ViTB extends Sam<12, 768> {}
export interface ViTL extends Sam<24, 1024> {}
export interface ViTH extends Sam<32, 1280> {}

/** What a model is made of, before anything is added. */
export type Family =
  | { readonly kind: "sam"; readonly name: string; readonly config: SamConfig }
  | {
      readonly kind: "layer"
      readonly name: string
      readonly layer: LayerData
      /** Shape of one input, without the batch. */
      readonly input: readonly number[]
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
export type Expectation =
  | { readonly kind: "trainable" | "total"; readonly count: number; readonly at?: string }
  | { readonly kind: "budget"; readonly trainable?: number; readonly bytes?: number; readonly at?: string }

/** A model, and the names of its parts that learn. Plain data: the compiler puts it together. */
export interface Model<in out B extends Backbone = any, in out Learns extends string = any> {
  readonly kind: "model"
  readonly backbone: B
  readonly learns: Learns
  readonly data: ModelData
}
export interface ModelData {
  readonly family: Family
  /** Part → path of its module. */
  readonly parts: Readonly<Record<string, string>>
  /** Where the transformer blocks are, if there are any. */
  readonly blocks: { readonly path: string; readonly depth: number; readonly width: number }
  readonly adaptations: readonly Adaptation[]
  readonly rules: readonly Rule[]
  readonly expectations: readonly Expectation[]
  readonly at?: string
}

export const modelOf = <B extends Backbone, L extends string>(data: ModelData): Model<B, L> =>
  // `backbone` and `learns` live in the types; at run time `data` says it all.
  ({ kind: "model", data }) as unknown as Model<B, L>

export const isModel = (x: unknown): x is Model =>
  typeof x === "object" && x !== null && (x as { kind?: unknown }).kind === "model" && "data" in x
