/** Numbers with units that cannot be misread. */
export const exact = (n: number): string => n.toLocaleString("en-US")

export const millions = (n: number): string => `${(n / 1e6).toFixed(2)} M`

/** Binary units, as memory and files are measured. */
export const bytes = (n: number): string => {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"]
  const power = n < 1024 ? 0 : Math.min(units.length - 1, Math.floor(Math.log2(n) / 10))
  return power === 0 ? `${n} B` : `${(n / 1024 ** power).toFixed(2)} ${units[power]}`
}

/** 1,789,056 (1.79 M parameters, 6.82 MiB float32) */
export const parameters = (n: number): string => `${exact(n)} (${millions(n)} parameters, ${bytes(4 * n)} float32)`

export const flops = (n: number): string =>
  n >= 1e12
    ? `${(n / 1e12).toFixed(2)} TFLOPs`
    : n >= 1e9
      ? `${(n / 1e9).toFixed(1)} GFLOPs`
      : `${(n / 1e6).toFixed(1)} MFLOPs`

export const percent = (part: number, whole: number): string => `${((100 * part) / Math.max(1, whole)).toFixed(2)} %`
