/** Float noise is far below this, and no share of a width that someone means is as near to a whole one. */
const noise = 1e-9

/** `ratio` times a width, such as an MLP's hidden width: 100 · 1.1 is 110 features, not 110.00000000000001. */
export const timesRatio = (width: number, ratio: number): number => {
  const exact = width * ratio
  const near = Math.round(exact)
  return Math.abs(exact - near) <= noise * Math.max(1, near) ? near : exact
}
