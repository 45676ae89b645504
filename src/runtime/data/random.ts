/**
 * Seeded random numbers: the generator sfc32 of PractRand (C. Doty-Humphrey), started from a hash of a key.
 * One stream per purpose, as in `stream(seed, "augment", epoch, id)`: what one part draws never shifts another's numbers,
 * so a run that is resumed, or reads its images in another order, sees the same values.
 */

export interface Random {
  /** 0 ≤ x < 1, in steps of 2⁻³². */
  readonly uniform: () => number
  /** low ≤ x < high. */
  readonly between: (low: number, high: number) => number
  /** A whole number, 0 ≤ k < n. */
  readonly below: (n: number) => number
  /** Mean 0, standard deviation 1 (Box and Muller). */
  readonly normal: () => number
}

/** FNV-1a over UTF-16 units, finished as murmur3: four words from four offsets. */
const words = (key: string): readonly [number, number, number, number] => {
  const word = (offset: number): number => {
    let h = (0x811c9dc5 ^ offset) >>> 0
    for (let i = 0; i < key.length; i++) h = Math.imul(h ^ key.charCodeAt(i), 0x01000193)
    h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
    h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
    return (h ^ (h >>> 16)) >>> 0
  }
  return [word(0), word(0x9e3779b9), word(0x3c6ef372), word(0xdaa66d2b)]
}

/** The numbers of one purpose. The same key gives the same numbers on every machine. */
export const stream = (...key: readonly (string | number)[]): Random => {
  let [a, b, c, counter] = words(JSON.stringify(key))
  const next = (): number => {
    const t = (a + b + counter) | 0
    counter = (counter + 1) | 0
    a = b ^ (b >>> 9)
    b = (c + (c << 3)) | 0
    c = ((c << 21) | (c >>> 11)) + t
    return t >>> 0
  }
  for (let i = 0; i < 16; i++) next()
  const uniform = () => next() / 2 ** 32
  return {
    uniform,
    between: (low, high) => low + (high - low) * uniform(),
    below: (n) => Math.floor(uniform() * n),
    normal: () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform()),
  }
}

/** A new order (Fisher and Yates). */
export const shuffled = <A>(items: readonly A[], random: Random): readonly A[] => {
  const order = [...items]
  for (let i = order.length - 1; i > 0; i--) {
    const j = random.below(i + 1)
    ;[order[i], order[j]] = [order[j]!, order[i]!]
  }
  return order
}
