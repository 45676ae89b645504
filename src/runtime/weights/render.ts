/** Inspections, verifications and conversions as text. */

import * as unit from "../../compiler/report/units.ts"
import type { Conversion } from "./convert.ts"
import { factLines } from "./families/index.ts"
import { grouped } from "./groups.ts"
import type { Inspection } from "./inspect.ts"
import type { Verification } from "./load.ts"
import { shown } from "./text.ts"

const { counted, exact } = unit
const spell = (shape: readonly number[]): string => `[${shape.join(", ")}]`

/** Counts with units that cannot be misread: 1,789,056 (1.79 M values, 6.82 MiB F32). */
const values = ({ count, bytes, tensors }: Inspection): string => {
  const kinds = [...new Set(tensors.map(({ dtype }) => dtype))]
  const scaled = count < 1000 ? counted(count, "value") : `${exact(count)} (${unit.scaled(count)} values`
  return `${scaled}${count < 1000 ? " (" : ", "}${unit.bytes(bytes)} ${kinds.length === 1 ? kinds[0] : "of mixed dtypes"})`
}

const notes = (list: readonly string[]): readonly string[] => list.map((note) => `note: ${note}`)

/** As `hasam weights inspect` prints it. */
export const renderInspection = (inspection: Inspection): string => {
  const { file, format, size, kind, naming, tensors, metadata } = inspection
  const width = tensors.reduce((most, { name }) => Math.max(most, shown(name).length), 4)
  return [
    `${file}: ${format}, ${counted(size, "byte")}`,
    `${kind}`,
    ...factLines(inspection).map((fact) => `  ${fact}`),
    `names: ${naming}`,
    ...notes(inspection.notes),
    ...Object.entries(metadata).map(([key, value]) => `metadata ${shown(key)}: ${shown(value)}`),
    "",
    ...tensors.map(
      ({ name, dtype, shape, count }) =>
        `${shown(name).padEnd(width)}  ${dtype.padEnd(4)}  ${spell(shape).padEnd(22)}  ${exact(count)}`,
    ),
    `${counted(tensors.length, "tensor")}, ${values(inspection)}`,
  ].join("\n")
}

/** As `hasam weights verify` prints it, before the diagnostics. */
export const renderVerification = (verification: Verification): string => {
  const { file, mapped, missing, unexpected, wrongShape, causes } = verification
  const row = (what: string, names: readonly string[]): string =>
    `${what.padEnd(11)} ${exact(names.length).padStart(6)}${names.length === 0 || what === "mapped" ? "" : `  ${grouped(names)}`}`
  return [
    file,
    row(
      "mapped",
      mapped.map(({ name }) => name),
    ),
    row(
      "missing",
      missing.map(({ name }) => name),
    ),
    row("unexpected", unexpected),
    row(
      "wrong shape",
      wrongShape.map(({ name }) => name),
    ),
    ...wrongShape
      .slice(0, 8)
      .map(
        ({ name, found, expected }) => `  ${shown(name)}: ${spell(found)} in the file, ${spell(expected)} in the model`,
      ),
    ...causes.map((cause) => `likely cause: ${cause}`),
    ...notes(verification.notes),
    verification.problems.length === 0 ? "the checkpoint fits the model" : "the checkpoint does not fit the model",
  ].join("\n")
}

/** As `hasam weights convert` prints it. */
export const renderConversion = ({ from, to, format, tensors, renamed, notes: list }: Conversion): string =>
  [`${from} → ${to}: ${format}, ${counted(tensors, "tensor")}, ${exact(renamed)} renamed`, ...notes(list)].join("\n")
