/**
 * Prefix tuning (Li and Liang 2021): keys and values that learn, before those of each block's attention. Not on SAM, whose keys have positions on a grid.
 *
 *     hasam-compile examples/methods/prefix
 */
import { expectTrainable, pipe, prefixTuning, unfreeze } from "hasam"
import { vitB } from "../vit.ts"

export const prefix = pipe(vitB(100), prefixTuning(20), unfreeze("head"), expectTrainable(445_540))
