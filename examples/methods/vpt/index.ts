/**
 * Visual prompt tuning (Jia et al. 2022) as KMnP/vpt: tokens that learn, among the blocks' own. Deep: others in each block. Shallow: they join in the first
 * block and stay. On SAM they stand beside the grid: a window attends to all of them, and shallow ones are, after a block, the mean over its windows.
 *
 *     hasam-compile examples/methods/vpt
 */
import {
  adapt,
  expectTotal,
  expectTrainable,
  freezeAll,
  pipe,
  promptTokens,
  samVitB,
  schedule,
  unfreeze,
  vptDeep,
  vptShallow,
} from "hasam"
import { vitB } from "../vit.ts"

export const deep = pipe(vitB(200), vptDeep(5), unfreeze("head"), expectTotal(85_998_536), expectTrainable(199_880))
export const shallow = pipe(
  vitB(200),
  vptShallow(5),
  unfreeze("head"),
  expectTotal(85_956_296),
  expectTrainable(157_640),
)
/** Token counts are schedules as ranks are: more of them in deep blocks. */
export const growing = pipe(
  vitB(200),
  freezeAll,
  adapt(
    schedule(12, (i) => i),
    (count) => [promptTokens(count)],
  ),
  unfreeze("head"),
  expectTrainable(213_704),
)
/** On SAM. */
export const onSam = pipe(samVitB, vptDeep(5), expectTrainable(46_080))
export const shallowOnSam = pipe(samVitB, vptShallow(5), expectTrainable(3_840))
