/** Ops that have a kernel of our own on WebGPU, instead of tfjs's. */
import type { Lowering } from "./index.ts"

export const ownRules: Partial<Lowering> = {}
