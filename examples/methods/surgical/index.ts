/**
 * Layer-wise unfreezing (Lee et al. 2023, surgical fine-tuning): some blocks learn, all else stays.
 *
 *     hasam-compile examples/methods/surgical
 */
import { blocks, expectTrainable, freezeAll, pipe, samVitB, unfreeze } from "hasam"
import { vitB } from "../vit.ts"

export const firstTwo = pipe(samVitB, freezeAll, unfreeze(blocks(1, 2)), expectTrainable(14_182_656))
export const lastTwo = pipe(samVitB, freezeAll, unfreeze(blocks(11, 12)), expectTrainable(14_195_456))
export const lastOfViT = pipe(vitB(100), freezeAll, unfreeze(blocks(12), "head"), expectTrainable(7_164_772))
