/** Numbers with units that cannot be misread; small numbers in small units. */
import { grouped } from "../../dsl/grouped.ts"

export const exact = grouped

/** 1 block, 12 blocks. */
export const counted = (n: number, one: string, many = `${one}s`): string => `${exact(n)} ${n === 1 ? one : many}`

/** 1.79 M, 156.77 k, 812; what rounds to 1000 of a unit is 1 of the next. */
export const scaled = (n: number): string => {
  const [size, sign] = scales.find(([size]) => n >= size - 0.005 * (size / 1e3)) ?? [1, ""]
  return size === 1 ? `${n}` : `${(n / size).toFixed(2)} ${sign}`
}
const scales: readonly (readonly [size: number, sign: string])[] = [
  [1e9, "G"],
  [1e6, "M"],
  [1e3, "k"],
]

/** 25,408 (25.41 k), 812. */
export const exactAndScaled = (n: number): string => (n < 1000 ? exact(n) : `${exact(n)} (${scaled(n)})`)

/** Binary units, as memory and files are measured. */
export const bytes = (n: number): string => {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"]
  const power = n < 1024 ? 0 : Math.min(units.length - 1, Math.floor(Math.log2(n) / 10))
  return power === 0 ? `${n} B` : `${(n / 1024 ** power).toFixed(2)} ${units[power]}`
}

/** 1,789,056 (1.79 M parameters, 6.82 MiB float32) */
export const parameters = (n: number): string =>
  n === 0
    ? "nothing"
    : n < 1000
      ? `${counted(n, "parameter")} (${bytes(4 * n)} float32)`
      : `${exact(n)} (${scaled(n)} parameters, ${bytes(4 * n)} float32)`

export const flops = (n: number): string =>
  n >= 1e12
    ? `${(n / 1e12).toFixed(2)} TFLOPs`
    : n >= 1e9
      ? `${(n / 1e9).toFixed(1)} GFLOPs`
      : n >= 1e6
        ? `${(n / 1e6).toFixed(1)} MFLOPs`
        : n >= 1e3
          ? `${(n / 1e3).toFixed(1)} kFLOPs`
          : `${n} FLOPs`

/** Two decimals, more where they would all be zero. */
const share = (x: number): string => `${x !== 0 && Math.abs(x) < 0.01 ? x.toPrecision(2) : x.toFixed(2)} %`

export const percent = (part: number, whole: number): string => share((100 * part) / Math.max(1, whole))

/** +1,024, −7, 0. */
export const signed = (n: number): string => (n === 0 ? "0" : `${n > 0 ? "+" : "−"}${exact(Math.abs(n))}`)

/** How much more or less, in percent of what was; "new" where nothing was, nothing where nothing changed. */
export const change = (from: number, to: number): string =>
  from === to
    ? ""
    : from === 0
      ? "new"
      : to === 0
        ? "gone"
        : `${to > from ? "+" : "−"}${share((100 * Math.abs(to - from)) / from)}`
