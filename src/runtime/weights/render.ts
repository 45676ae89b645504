/** Inspections, verifications and conversions as text. */

import type { Conversion } from "./convert.ts"
import { factLines } from "./families/index.ts"
import { grouped } from "./groups.ts"
import type { Inspection } from "./inspect.ts"
import type { Verification } from "./load.ts"
import { shown } from "./text.ts"

const whole = (n: number): string => n.toLocaleString("en-US")
const mebibytes = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(2)} MiB`
const spell = (shape: readonly number[]): string => `[${shape.join(", ")}]`

/** Counts with units that cannot be misread: 1,789,056 (1.79 M values, 6.82 MiB F32). */
const counted = ({ count, bytes, tensors }: Inspection): string => {
  const kinds = [...new Set(tensors.map(({ dtype }) => dtype))]
  return `${whole(count)} (${(count / 1e6).toFixed(2)} M values, ${mebibytes(bytes)} ${kinds.length === 1 ? kinds[0] : "of mixed dtypes"})`
}

const notes = (list: readonly string[]): readonly string[] => list.map((note) => `note: ${note}`)

/** As `hasam weights inspect` prints it. */
export const renderInspection = (inspection: Inspection): string => {
  const { file, format, size, kind, naming, tensors, metadata } = inspection
  const width = tensors.reduce((most, { name }) => Math.max(most, shown(name).length), 4)
  return [
    `${file}: ${format}, ${whole(size)} bytes`,
    `${kind}`,
    ...factLines(inspection).map((fact) => `  ${fact}`),
    `names: ${naming}`,
    ...notes(inspection.notes),
    ...Object.entries(metadata).map(([key, value]) => `metadata ${shown(key)}: ${shown(value)}`),
    "",
    ...tensors.map(
      ({ name, dtype, shape, count }) =>
        `${shown(name).padEnd(width)}  ${dtype.padEnd(4)}  ${spell(shape).padEnd(22)}  ${whole(count)}`,
    ),
    `${whole(tensors.length)} tensors, ${counted(inspection)}`,
  ].join("\n")
}

/** As `hasam weights verify` prints it, before the diagnostics. */
export const renderVerification = (verification: Verification): string => {
  const { file, mapped, missing, unexpected, wrongShape, causes } = verification
  const row = (what: string, names: readonly string[]): string =>
    `${what.padEnd(11)} ${whole(names.length).padStart(6)}${names.length === 0 || what === "mapped" ? "" : `  ${grouped(names)}`}`
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
  [`${from} → ${to}: ${format}, ${whole(tensors)} tensors, ${whole(renamed)} renamed`, ...notes(list)].join("\n")
