import { data } from "./data.ts"
import { graph } from "./graph.ts"
import { run } from "./run.ts"
import { spec } from "./spec.ts"
import { weights } from "./weights.ts"
import { xla } from "./xla.ts"

/** Every code: HS1 the spec, HS2 the graph and its targets, HS3 weights, HS4 data, HS5 running and training. */
export const codes = { ...spec, ...graph, ...xla, ...weights, ...data, ...run }
export type Code = keyof typeof codes
