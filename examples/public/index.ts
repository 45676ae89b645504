/**
 * Studies on ultrasound that anyone can get, on the authors' folds where there are any. The data are read as they come:
 *
 *     hasam study examples/public#busBra --data BUSBRA --out studies/bus-bra --jobs 5           # its 5-fold-cv.csv
 *     hasam study examples/public#tn3k --data tn3k --out studies/tn3k                           # its tn3k-trainval-fold*.json
 *     hasam study examples/public#camus --data CAMUS_public --class 1 --out studies/camus      # its lists; 1 is the endocardium
 *     hasam study examples/public#busi --data Dataset_BUSI_with_GT --out studies/busi           # folds by image: no patient is known
 *     hasam study examples/public#kaggle --data ultrasound-nerve-segmentation --out studies/kaggle   # folds by subject
 *
 * Which distribution of adapters' ranks over the blocks is best, on one budget, the uniform one always among them; each tries three learning rates. `--weights
 * sam_vit_b_01ec64.pth` starts them from SAM, without which nothing that is frozen knows anything.
 */
import {
  adam,
  adapt,
  afterAttention,
  asTrained,
  cosineRate,
  freezeAll,
  inMlpResidual,
  jittered,
  linear,
  pipe,
  type Rank,
  relu,
  residual,
  reverse,
  type Schedule,
  samVitB,
  schedule,
  sequential,
  study,
  training,
  uniform,
  withTotal,
} from "hasam"

const d = 768
const r = 1 / 16

const adapter = (rank: Rank) => residual(sequential(linear(d, rank), relu, linear(rank, d)))
const adapted = (ranks: Schedule<12>) =>
  pipe(
    samVitB,
    freezeAll,
    adapt(ranks, (rank) => [afterAttention(adapter(rank)), inMlpResidual(adapter(rank))]),
  )
const growing = schedule(12, (i) => (d * r * (i <= 6 ? i : i - 1)) / 6)
const budget = withTotal(12 * d * r)

export const hierarchical = pipe(growing, budget, adapted)
export const reversed = pipe(growing, reverse, budget, adapted)
export const flat = pipe(uniform(12, d * r), budget, adapted)

const options = { optimizer: adam({ rate: 5e-4 }), epochs: 40, batch: 1, rateSchedule: cosineRate({ floor: 0.05 }) }
export const hierarchicalTraining = training(hierarchical, options)
export const reversedTraining = training(reversed, options)
export const flatTraining = training(flat, options)

const design = {
  trainings: [hierarchicalTraining, reversedTraining, flatTraining],
  seeds: [0, 1, 2],
  rates: [1e-4, 5e-4, 1e-3],
  prompts: [asTrained, jittered(0.05), jittered(0.1)],
}
export const busBra = study({ ...design, folds: 5 })
export const tn3k = study({ ...design, folds: 5 })
export const camus = study(design)
export const busi = study({ ...design, folds: 5 })
export const kaggle = study({ ...design, folds: 5 })
