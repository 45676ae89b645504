/** The plain ViT-B/16 that the methods are shown on, beside SAM: 85,798,656 parameters and a head. */
import { batchNorm1d, linear, model, pixels, sequential, vit } from "hasam"

const d = 768
const half = { mean: 127.5, deviation: 127.5 }

/** With a linear head. */
export const vitB = (classes: number) =>
  model(vit({ depth: 12, gives: classes }), {
    name: "ViT-B/16",
    takes: { image: pixels({ size: 224, ...half }) },
    blocks: "blocks",
  })
/** With the head of linear probing: a batch norm without weights, and a linear layer. */
export const probed = (classes: number) =>
  model(
    vit({
      depth: 12,
      gives: classes,
      head: sequential(batchNorm1d(d, { eps: 1e-6, affine: false }), linear(d, classes)),
    }),
    { name: "ViT-B/16", takes: { image: pixels({ size: 224, ...half }) }, blocks: "blocks" },
  )
