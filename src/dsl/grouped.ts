/** 6,815,046. Whole numbers are grouped by hand: the first use of a locale costs a command a tenth of its time. */
export const grouped = (n: number): string =>
  Number.isSafeInteger(n)
    ? `${n}`.replace(/\B(?=(\d{3})+$)/g, ",")
    : n.toLocaleString("en-US", { maximumFractionDigits: 20 })
