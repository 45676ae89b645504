/**
 * Prefix tuning (Li and Liang 2021): keys and values that learn, before those of each block's attention. On SAM they stand
 * beside the grid, without positions, and every window has them all.
 *
 *     hasam-compile examples/methods/prefix
 */
import { expectTrainable, pipe, prefixTuning, samVitB, unfreeze } from "hasam"
import { vitB } from "../vit.ts"

export const prefix = pipe(vitB(100), prefixTuning(20), unfreeze("head"), expectTrainable(445_540))
export const onSam = pipe(samVitB, prefixTuning(20), expectTrainable(368_640))
