import type { LayerData } from "./layer.ts"

const sized = (layer: LayerData): layer is LayerData & { readonly takes: number; readonly gives: number } =>
  "takes" in layer

/** Width of the first layer that has one; 0 if all keep what they get. */
export const takes = (layers: readonly LayerData[]): number => layers.find(sized)?.takes ?? 0
/** Width of the last layer that has one; 0 if all keep what they get. */
export const gives = (layers: readonly LayerData[]): number => layers.findLast(sized)?.gives ?? 0
