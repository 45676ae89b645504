/** Where a count that grows with a number prints as a paper has it: brackets, narrowed by straight lines, and the plainest number that does. */

/** How far a count is from what is wanted, with its sign; 0 for all that print alike. */
export type Question<A> = (count: A) => number
/** Counts at numbers, asked many at once; undefined where a number makes no sense. */
export type Ask<A> = (values: readonly number[]) => Promise<readonly (A | undefined)[]>

/** A number, as it would be written. */
export interface Plain {
  readonly text: string
  readonly value: number
}
export interface Answer<A> extends Plain {
  readonly count: A
}

/** How far around what is written is looked, and how finely at first. */
const reach = 64
const steps = 8
const around = (value: number): readonly number[] =>
  Array.from({ length: 2 * steps + 1 }, (_, i) => value * reach ** ((i - steps) / steps))

const rounds = 10

interface Seen {
  readonly value: number
  readonly off: number
}

/** Whole ranks go in steps: where the counts on either side of a narrow gap stand still, nothing is in it. */
const isStep = (before: Seen | undefined, a: Seen, b: Seen, after: Seen | undefined): boolean =>
  before?.off === a.off && after?.off === b.off && b.value - a.value <= 0.05 * Math.abs(b.value)

/** Where a straight line meets the answer, and quarters, between the first two neighbours that have it between them. */
const next = (seen: readonly Seen[]): readonly number[] => {
  if (seen.some(({ off }) => off === 0)) return []
  const at = seen.findIndex(({ off }, i) => i > 0 && Math.sign(off) !== Math.sign(seen[i - 1]!.off))
  const [a, b] = [seen[at - 1], seen[at]]
  if (a === undefined || b === undefined || isStep(seen[at - 2], a, b, seen[at + 1])) return []
  const shares = [a.off / (a.off - b.off), 0.25, 0.5, 0.75]
  return shares.map((share) => a.value + share * (b.value - a.value))
}

const digitsOf = ({ text }: Plain): number => text.replace(/^0\.?0*|1\/|\./g, "").replace(/0+$/, "").length || 1

/** A number with ever more digits, and as 1/n: the plainest first. */
const plainer = (value: number): readonly Plain[] => {
  const decimals = Array.from({ length: 8 }, (_, i) => Number(value.toPrecision(i + 1)))
  const n = value > 0 && value < 1 ? Math.round(1 / value) : 0
  const all = [...new Set([...decimals, value])].map((one) => ({ text: String(one), value: one }))
  return [...all, ...(n > 1 ? [{ text: `1/${n}`, value: 1 / n }] : [])].toSorted((a, b) => digitsOf(a) - digitsOf(b))
}

/**
 * For each question the plainest number near `start` that answers it, and the count there; undefined where none does. One number moves many counts, so the
 * questions share what was asked. What is written stays, where it answers.
 */
export const search = async <A>(
  start: Plain,
  ask: Ask<A>,
  questions: readonly Question<A>[],
): Promise<readonly (Answer<A> | undefined)[]> => {
  const known = new Map<number, A | undefined>()
  const learn = async (values: readonly number[]): Promise<void> => {
    const fresh = [...new Set(values)].filter((value) => !known.has(value))
    if (fresh.length === 0) return
    const counts = await ask(fresh)
    fresh.forEach((value, i) => known.set(value, counts[i]))
  }
  const seenBy = (question: Question<A>): readonly Seen[] =>
    [...known]
      .flatMap(([value, count]) => (count === undefined ? [] : [{ value, off: question(count) }]))
      .sort((a, b) => a.value - b.value)
  await learn(around(start.value))
  for (let round = 0; round < rounds; round += 1) {
    const wanted = questions.flatMap((question) => next(seenBy(question)))
    if (wanted.length === 0) break
    await learn(wanted)
  }
  const choices = questions.map((question): readonly Plain[] => {
    const hits = seenBy(question).filter(({ off }) => off === 0)
    const hit = hits[Math.floor(hits.length / 2)]
    if (hit === undefined) return []
    return hits.some(({ value }) => value === start.value) ? [start] : plainer(hit.value)
  })
  await learn(choices.flat().map(({ value }) => value))
  return choices.map((plain, i) => {
    for (const one of plain) {
      const count = known.get(one.value)
      if (count !== undefined && questions[i]!(count) === 0) return { ...one, count }
    }
    return undefined
  })
}
