import { join } from "node:path"
import { pytorchPackage } from "../../backends/pytorch/index.ts"
import { version } from "../../compiler/compile.ts"
import type { Place } from "../../compiler/frontend/evaluate.ts"
import { fileName, python } from "../../compiler/report/escape.ts"
import { writeAtomically } from "../../runtime/files.ts"
import { modelHash } from "../../runtime/training/identity.ts"
import { talk } from "../output.ts"
import type { Lower } from "./target.ts"

const lineOf = ({ file, line }: Place): string => python(`${file.split(/[/\\]/).slice(-2).join("/")}:${line}`)

/** A package of readable Python, for torchrun. */
export const packaged: Lower = async ({ name, data }, { specs, models }, { out }) => {
  const training = specs.flatMap(({ trainings }) => trainings).find((one) => one.model === name)?.training
  const spec = specs.find(({ models }) => models.some((one) => one.name === name))
  const place = (at: string | undefined) =>
    at === undefined || spec === undefined ? undefined : lineOf(spec.placeOf(at))
  const source = spec === undefined ? undefined : lineOf(spec.exportOf(name))
  const about = { name: python(name), place, source, version, spec: modelHash(data) }
  const folder = models.length === 1 ? out : join(out, fileName(name))
  for (const [file, text] of Object.entries(pytorchPackage(data, training, about)))
    await writeAtomically(join(folder, file), text)
  talk(`wrote ${folder}`)
}
