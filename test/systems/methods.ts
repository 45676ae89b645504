/** Every method in small, on a SAM of two blocks and on a plain ViT that finds a point. */
import {
  adam,
  adaptFormer,
  blocks,
  freezeAll,
  haSam,
  houlsby,
  ladderSide,
  type Model,
  model,
  pipe,
  pixels,
  point,
  prefixTuning,
  rates,
  sam,
  samedLora,
  type Training,
  training,
  unfreeze,
  unitRange,
  vit,
  vptDeep,
  vptShallow,
} from "../../src/dsl/index.ts"

const onSam = sam({
  ...{ imageSize: 32, patchSize: 8, width: 16, depth: 2, heads: 2, windowSize: 3, globalBlocks: [1], outChannels: 16 },
  ...{ maskChannels: 4, decoder: { depth: 1, heads: 2, mlpWidth: 16, iouWidth: 8, iouDepth: 2, maskTokens: 2 } },
}) as Model
const onVit = model(vit({ imageSize: 32, patchSize: 8, width: 16, depth: 2, heads: 2, gives: 2 }), {
  name: "ViT",
  takes: { image: pixels({ size: 32, ...unitRange }) },
  teaches: { output: point() },
  blocks: "blocks",
}) as Model

type Method = (of: Model) => Model
const own: Readonly<Record<string, Method>> = {
  houlsby: houlsby(3) as Method,
  adaptFormer: adaptFormer(3) as Method,
  lora: samedLora(2) as Method,
  haSam: haSam(0.25) as Method,
  vptDeep: vptDeep(3) as Method,
  prefix: prefixTuning(3) as Method,
  ladder: ladderSide(4) as Method,
  surgical: ((of: Model) => pipe(of, freezeAll, unfreeze(blocks(1)) as never)) as Method,
}
export interface Small {
  readonly model: Model
  readonly training: Training
}
const of = (model: Model): Small => ({ model, training: training(model, { optimizer: adam({ rate: 1e-2 }) }) })

/** Rates by depth are of the training, on any of them. */
const byDepth = rates({ adapters: (block) => 1e-2 * 0.5 ** (2 - block) })
export const methods: Readonly<Record<string, Small>> = {
  ...Object.fromEntries(Object.entries(own).map(([name, method]) => [`${name} on SAM`, of(method(onSam))])),
  ...Object.fromEntries(Object.entries(own).map(([name, method]) => [`${name} on a ViT`, of(method(onVit))])),
  "vptShallow on a ViT": of((vptShallow(3) as Method)(onVit)),
  "rates by depth on SAM": {
    model: own["haSam"]!(onSam),
    training: training(own["haSam"]!(onSam), { rates: byDepth as never }),
  },
}
