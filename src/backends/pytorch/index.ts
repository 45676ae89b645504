/** The PyTorch target: a package of readable Python that is the same model, on one machine or a cluster. */
import type { ModelData } from "../../dsl/model.ts"
import type { Training } from "../../dsl/training.ts"
import { initialPy } from "./initial.ts"
import { modelPy } from "./model.ts"

export interface PytorchOptions {
  /** What the model is called; its family's name where nothing is said. */
  readonly name?: string
  /** A place of the code that runs → the spec's file and line, as `index.ts:24`. */
  readonly place?: (at: string | undefined) => string | undefined
}

/** file:/…/index.ts:24:3 → index.ts:24 */
const basename = (at: string | undefined): string | undefined => {
  const [, file, line] = /([^/\\]+?):(\d+):\d+$/.exec(at ?? "") ?? []
  return file === undefined ? undefined : `${file}:${line}`
}

/** File name → text. Pure; the same model gives the same files. */
export const pytorchPackage = (
  data: ModelData,
  _training?: Training,
  { name = data.family.name, place = basename }: PytorchOptions = {},
): Readonly<Record<string, string>> => ({
  "model.py": modelPy(data, { name, place, source: place(data.at) }),
  "initial.py": initialPy,
})
