import { type Child, childOf, dataOf, type Layer, type LayerData, layerOf, type Pointwise } from "./layer.ts"
import { callSite } from "./place.ts"
import type { DoesNotFollow, NotResidual } from "./sentences.ts"
import type { Problem, Same } from "./width.ts"
import { takes as firstWidth, gives as lastWidth } from "./widths.ts"

type Any = Layer | Pointwise

type Link<Before, L> =
  L extends Layer<infer In>
    ? Before extends "anything"
      ? L
      : Same<Before, In> extends true
        ? L
        : Problem<DoesNotFollow<In, Before>>
    : L
type Links<Ls, Before = "anything", Done extends unknown[] = []> = Ls extends readonly [infer L, ...infer Rest]
  ? Links<Rest, L extends Layer<any, infer Out> ? Out : Before, [...Done, Link<Before, L>]>
  : Done
type Linked<Ls> = Ls extends readonly [any, ...any[]] ? (Links<Ls> extends Ls ? Ls : Links<Ls>) : Ls
type Takes<Ls> = Ls extends readonly [infer L, ...infer Rest] ? (L extends Layer<infer In> ? In : Takes<Rest>) : any
type Gives<Ls> = Ls extends readonly [...infer Rest, infer L]
  ? L extends Layer<any, infer Out>
    ? Out
    : Gives<Rest>
  : any

const sequence = (layers: readonly LayerData[], names?: readonly string[]): LayerData => ({
  kind: "sequential",
  layers,
  ...(names === undefined ? {} : { names }),
  takes: firstWidth(layers),
  gives: lastWidth(layers),
  at: callSite(),
})

/** One after another, as nn.Sequential: tensors are named 0.weight, 2.weight, … */
export const sequential = <Ls extends readonly Any[]>(
  ...layers: Linked<Ls> & readonly unknown[]
): Layer<Takes<Ls>, Gives<Ls>, Ls> => layerOf(sequence((layers as unknown as readonly Any[]).map(dataOf)))

/** `Depth` layers of one kind. */
export interface Repeated<out Depth extends number, out L> {
  readonly depth: Depth
  readonly layer: L
}
/** `count` layers in sequence, each made from its number, from 1. */
export const repeat = <const Count extends number, In extends number, Out extends number, Tree>(
  count: Count,
  make: (i: number) => Layer<In, Out, Tree>,
): Layer<In, Out, Repeated<Count, Layer<In, Out, Tree>>> =>
  layerOf(sequence(Array.from({ length: Math.max(0, count) || 0 }, (_, k) => dataOf(make(k + 1)))))

type Named<C> = C extends Readonly<Record<string, Any>> ? C : never
/** One after another under names of their own, as an nn.Sequential of an OrderedDict: `chain({ conv, gn, relu })`. The compiler checks their widths. */
export const chain = <const C extends Readonly<Record<string, Any>>>(layers: Named<C>): Layer<any, any, C> =>
  layerOf(sequence(Object.values(layers as C).map(dataOf), Object.keys(layers as C)))

let shares = 0
/** One layer, or one tensor, that stands in several places: counted once, trained once, saved once under the name of the first. */
export const shared = <C extends Child>(child: C): C => {
  const layer = dataOf(child)
  shares += 1
  const widths = { takes: firstWidth([layer]), gives: lastWidth([layer]) }
  return childOf<C>({ kind: "shared", id: shares, layer, ...widths, at: callSite() })
}

/** x + layer(x). Adds no level to the tensors' names. */
export const residual = <In extends number, Out extends number>(
  layer: Same<In, Out> extends true ? Layer<In, Out> : Problem<NotResidual<In, Out>>,
): Layer<In, In> => {
  const data = dataOf(layer as Layer)
  return layerOf({ kind: "residual", layer: data, takes: firstWidth([data]), gives: lastWidth([data]), at: callSite() })
}

/** The same input to all of them; outputs are added. */
export const parallel = <In extends number, Out extends number>(
  ...layers: readonly Layer<In, Out>[]
): Layer<In, Out> => {
  const data = layers.map(dataOf)
  return layerOf({
    kind: "parallel",
    layers: data,
    join: "add",
    takes: firstWidth(data),
    gives: lastWidth(data),
    at: callSite(),
  })
}

/** x and layer(x), joined along the channels: a U-Net's skip. [b, c, h, w] → [b, c + gives, h, w] */
export const skipConcat = <In extends number>(layer: Layer<In, any>): Layer<In, number> => {
  const data = dataOf(layer)
  return layerOf({
    kind: "parallel",
    layers: [{ kind: "identity", pointwise: true }, data],
    join: "concat",
    takes: firstWidth([data]),
    gives: firstWidth([data]) + lastWidth([data]),
    at: callSite(),
  })
}
