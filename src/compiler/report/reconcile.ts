/** Which counts of a model, in which unit, print as a given number. */
import type { ModelReport } from "./report.ts"

export interface Reading {
  readonly of: string
  readonly unit: string
  readonly count: number
  /** Of a file, where the reading is of one. */
  readonly bytes?: number
}

/** A file that holds some of a model's tensors, and how large it is. */
export interface FileSize {
  readonly of: string
  readonly bytes: number
  /** Parameters in it. */
  readonly count: number
}
const fileUnits: readonly (readonly [name: string, bytes: number])[] = [
  ["megabytes of file", 1e6],
  ["mebibytes of file", 2 ** 20],
]

/** Value of one unit, in parameters. */
const units: readonly (readonly [name: string, parameters: number])[] = [
  ["parameters", 1],
  ["thousands of parameters", 1e3],
  ["millions of parameters", 1e6],
  ["mebiparameters (2²⁰)", 2 ** 20],
  ["megabytes in float32", 1e6 / 4],
  ["mebibytes in float32", 2 ** 20 / 4],
  ["megabytes in float16", 1e6 / 2],
  ["mebibytes in float16", 2 ** 20 / 2],
]

/** How numbers compare with a printed one, as precisely as it is printed. */
const comparing = (
  printed: string,
): { readonly prints: (value: number) => boolean; readonly off: (value: number) => number } => {
  const bare = printed.replaceAll(/[,_ ]/g, "")
  const decimals = bare.split(".")[1]?.length ?? 0
  const prints = (value: number): boolean => value.toFixed(decimals) === Number(bare).toFixed(decimals)
  return { prints, off: (value) => (prints(value) ? 0 : value - Number(bare)) }
}

/** What a model counts, and the file of what learns. */
export interface Counts {
  readonly trainable: number
  readonly total: number
  /** Bytes of a .pth of what learns. */
  readonly file: number
}
/** A reading that a model might have if one of its numbers were another. */
export interface Sought {
  readonly of: string
  readonly unit: string
  /** How far it is from being read so; 0 where it is. */
  readonly off: (counts: Counts) => number
}

/** Every reading of what learns, of all, and of a checkpoint of what learns. */
export const soughtOf = (printed: string): readonly Sought[] => {
  const { off } = comparing(printed)
  return [
    ...(["trainable", "total"] as const).flatMap((key) =>
      units.map(([unit, size]) => ({
        of: key === "trainable" ? "what learns" : "all",
        unit,
        off: (counts: Counts) => off(counts[key] / size),
      })),
    ),
    ...fileUnits.map(([unit, size]) => ({
      of: "a .pth of what learns",
      unit,
      off: ({ file }: Counts) => off(file / size),
    })),
  ]
}

/** Every reading whose value prints as `printed` does, with as many decimals. */
export const readingsOf = (
  printed: string,
  { total, trainable, frozen, parts, placements }: ModelReport,
  files: readonly FileSize[] = [],
): readonly Reading[] => {
  const { prints } = comparing(printed)
  const counts = [
    { of: "what learns", count: trainable },
    { of: "all", count: total },
    { of: "what is frozen", count: frozen },
    ...parts.map(({ name, total }) => ({ of: `part ${name}`, count: total })),
    ...placements.map(({ name, total }) => ({ of: `placement ${name}`, count: total })),
  ]
  const distinct = [
    ...new Map(
      counts
        .filter(({ count }) => count > 0)
        .toReversed()
        .map((one) => [one.count, one]),
    ).values(),
  ].toReversed()
  const ofFiles = files.flatMap(({ of, bytes, count }) =>
    fileUnits.flatMap(([unit, size]) => (count > 0 && prints(bytes / size) ? [{ of, unit, count, bytes }] : [])),
  )
  const ofCounts = distinct.flatMap(({ of, count }) =>
    units.flatMap(([unit, size]) => (prints(count / size) ? [{ of, unit, count }] : [])),
  )
  return [...ofCounts, ...ofFiles]
}
