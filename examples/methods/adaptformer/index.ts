/**
 * AdaptFormer (Chen et al. 2022) as ShoufaChen/AdaptFormer: beside each MLP an adapter of 64 features, fed the residual before its norm, times 0.1.
 *
 *     hasam-compile examples/methods/adaptformer
 */
import {
  adapt,
  adaptFormer,
  besideMlpResidual,
  dropout,
  expectTotal,
  expectTrainable,
  freezeAll,
  linear,
  pipe,
  relu,
  samVitB,
  sequential,
  unfreeze,
  uniform,
} from "hasam"
import { probed } from "../vit.ts"

const d = 768

/** Written out: a plain ViT with 100 classes, whose head learns, too. */
export const onViT = pipe(
  probed(100),
  freezeAll,
  adapt(uniform(12, 64), (rank) => [
    besideMlpResidual(sequential(linear(d, rank), relu, dropout(0.1), linear(rank, d)), { scale: 0.1 }),
  ]),
  unfreeze("head"),
  expectTotal(87_065_188),
  expectTrainable(1_266_532),
)
/** As a preset, on the same and on SAM. */
export const preset = pipe(probed(100), adaptFormer(64), unfreeze("head"), expectTrainable(1_266_532))
export const onSam = pipe(samVitB, adaptFormer(64), expectTrainable(1_189_632))
