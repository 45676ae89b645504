/** Answers to what a file asks of each image: points, boxes and masks, as `hasam segment` takes them. Of several objects, all that any of them covers. */
import type { Backend } from "../../backends/backend.ts"
import { failed } from "../../compiler/diagnostic.ts"
import type { Tensors } from "../../compiler/ir/graph.ts"
import type { ModelData } from "../../dsl/model.ts"
import { promptingOf } from "../../dsl/task.ts"
import type { Prompt } from "../../dsl/training.ts"
import type { Case } from "../data/case.ts"
import { readCsv } from "../data/csv.ts"
import { demandMasks } from "../segment/maskFile.ts"
import { member } from "../segment/member.ts"
import { askedOf, demandEach, demandTaken, outside, readAsked, type Wanted, withMask } from "../segment/prompts.ts"
import { type Predictor, predictor } from "../training/predict.ts"

export type AskedOfCase = (one: Pick<Case, "id" | "image">) => readonly Wanted[] | undefined

/** What says more than one point an image; a file that does not is read as points. */
const more = ["x0", "mask", "label", "object"]

/** Throws HS4002, HS4105, HS4401, HS4402. */
export const askedIn = async (file: string | undefined, model: ModelData): Promise<AskedOfCase | undefined> => {
  if (file === undefined || /\.json$/i.test(file)) return undefined
  const { columns } = await readCsv(file)
  if (!columns.some((name) => more.includes(name))) return undefined
  const all = await readAsked(file)
  for (const list of all.values()) for (const one of list) demandTaken(file, one, promptingOf(model.takes))
  return ({ id, image }) => askedOf(all, { name: id, path: image })
}

/** Throws HS4402, and as `demandMasks`. */
export const demandAsked = async (file: string, cases: readonly Case[], asked: AskedOfCase): Promise<void> => {
  demandEach(
    file,
    cases.length,
    cases.filter((one) => asked(one) === undefined).map(({ id }) => id),
    "Give a row for each; the column id holds the case's id or its image's name.",
  )
  await demandMasks(cases.flatMap((one) => asked(one)!.flatMap(({ maskFile }) => maskFile ?? [])))
}

export interface Weighed {
  readonly model: ModelData
  readonly weights: Tensors
  readonly prompt: Prompt
  readonly asked?: AskedOfCase
}

/** What answers for an evaluation: the prompt that masks or points give, or what a file asks. */
export const predictorOf = async (
  backend: Backend,
  { model, weights, prompt, asked }: Weighed,
): Promise<Pick<Predictor, "predict" | "dispose">> => {
  if (asked === undefined) return predictor(backend, model, weights, prompt)
  const one = member(backend, { model, weights })
  return {
    predict: async (sample) => {
      const [height, width] = sample.originalSize
      const image = { width, height }
      const [seen] = await one.see([sample])
      let all: Float32Array | undefined
      for (const wanted of asked(sample.case)!) {
        const object = await withMask(wanted, image)
        const beyond = outside(object, image)
        if (beyond !== undefined)
          throw failed(
            sample.case.image,
            "HS4402",
            `${beyond} of ${sample.case.id} lies outside its image of ${width} × ${height} pixels`,
            "Give prompts in pixels of the original image, x first.",
          )
        const { logits } = await one.ask(seen!, object, image)
        const before = all
        all = before === undefined ? logits : logits.map((x, i) => Math.max(x, before[i]!))
      }
      return all!
    },
    dispose: one.dispose,
  }
}
