/**
 * Low-rank adaptation (Hu et al. 2022), on queries and values as SAMed has it, and on any linear layer of a block.
 *
 *     hasam-compile examples/methods/lora
 */
import { adapt, expectTrainable, freezeAll, lora, pipe, samedLora, samVitB, unfreeze, uniform } from "hasam"
import { vitB } from "../vit.ts"

export const onSam = pipe(samVitB, samedLora(4), expectTrainable(147_456))
export const onViT = pipe(vitB(100), samedLora(4), unfreeze("head"), expectTrainable(224_356))
/** Everywhere, with the usual factor of alpha / rank. */
export const everywhere = pipe(
  samVitB,
  freezeAll,
  adapt(uniform(12, 8), (rank) => [
    lora({ rank, on: ["q", "k", "v", "attn.proj", "mlp.lin1", "mlp.lin2"], alpha: 16 }),
  ]),
  expectTrainable(1_327_104),
)
