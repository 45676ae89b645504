import type { Builder, Value } from "../../ir/builder.ts"
import type { NodeOf, OpKind, Shape } from "../../ir/graph.ts"

/** What a rule may use: the node, its value, and the gradient that reached it. */
export interface Reached<K extends OpKind> {
  readonly b: Builder
  readonly node: NodeOf<K>
  readonly y: Value
  readonly g: Value
  /** Does a gradient of this operand lead to something that learns? Others need not be computed. */
  readonly needs: (operand: number) => boolean
}
/** A gradient for each operand, or nothing. */
export type Gradients = readonly (Value | undefined)[]
export type GradientRule<K extends OpKind> = (reached: Reached<K>) => Gradients

/** Sums a gradient over the axes on which its operand was repeated. */
export const unbroadcast = (b: Builder, g: Value, shape: Shape): Value => {
  const from = b.shapeOf(g)
  const lead = from.length - shape.length
  const axes = from.flatMap((extent, i) => (i < lead || (shape[i - lead] === 1 && extent !== 1) ? [i] : []))
  return axes.length === 0 ? g : b.reshape(b.reduceSum(g, { axes, keepDims: true }), shape)
}
