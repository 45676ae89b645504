/** What would make a training step fit: as few blocks computed twice as it takes, and the --memory that asks for just these. */
import { blocksOf } from "../../dsl/blocks.ts"
import { networkOf } from "../../dsl/network.ts"
import type { Program } from "../ir/graph.ts"
import { compile, type Task } from "../passes/pipeline.ts"
import { recomputable, recompute } from "../passes/recompute.ts"
import { schedule } from "../passes/schedule.ts"
import type { Fit, Relief } from "../report/report.ts"

/**
 * Asks what a step needs with so many blocks computed twice; gives the fewest that need no more than the limit, or all of them where even that
 * is too much.
 */
function* fewest(all: number, limit: number): Generator<number, number, number> {
  if ((yield all) > limit) return all
  let best = all
  let [low, high] = [1, all - 1]
  while (low <= high) {
    const middle = Math.floor((low + high) / 2)
    if ((yield middle) <= limit) {
      best = middle
      high = middle - 1
    } else low = middle + 1
  }
  return best
}

const mib = 2 ** 20
/** As it would be typed: the roundest amount from what is planned with these blocks up to what is planned with one fewer. */
export const roundUp = (planned: number, before: number): number =>
  [10, 100]
    .map((parts) => Math.floor((Math.ceil((planned * parts) / 2 ** 30) * 2 ** 30) / parts))
    .find((n) => n >= planned && n < before) ?? Math.min(Math.ceil(planned / mib) * mib, before - 1)

/** A training step with so many blocks computed twice. */
export interface Steps {
  /** Blocks that could be. */
  readonly all: number
  readonly program: (count: number) => Program
  /** Bytes that are planned for tensors, which --memory is held against. */
  readonly planned: (count: number) => number
}

/** Larger graphs are not rebuilt again and again for a report. */
const most = 50_000

const remembering = <A>(make: (count: number) => A): ((count: number) => A) => {
  const known = new Map<number, A>()
  return (count) => {
    const value = known.get(count) ?? make(count)
    known.set(count, value)
    return value
  }
}

/** Of a task as it is given to an engine, before any op is decomposed for it. */
export const stepsOf = (task: Omit<Task, "decompose" | "memory">): Steps => {
  const { graph, state } = compile(task).program
  const blocks = blocksOf(networkOf(task.model), task.model.blocks).map(({ path }) => path)
  const paths = graph.nodes.length > most ? [] : recomputable(graph, blocks)
  const program = remembering((count) => ({ graph: recompute(graph, paths.slice(0, count)), state }))
  return {
    all: paths.length,
    program,
    planned: remembering((count) => {
      const { resident, peak } = schedule(program(count).graph)
      return resident + peak
    }),
  }
}

/** One more block may save nothing: no budget asks for that. The next that saves, or else the last before. */
const asked = ({ all, planned }: Steps, count: number): number => {
  const saves = (n: number) => planned(n) < planned(n - 1)
  for (let n = count; n <= all; n += 1) if (saves(n)) return n
  let n = count
  while (n > 0 && !saves(n)) n -= 1
  return n
}

function* relief(steps: Steps, limit: number): Generator<number, Relief | undefined, number> {
  const { all, planned } = steps
  if (all === 0) return undefined
  const recomputed = asked(steps, yield* fewest(all, limit))
  if (recomputed === 0) return undefined
  const training = yield recomputed
  return { memory: roundUp(planned(recomputed), planned(recomputed - 1)), recomputed, of: all, training }
}

/** Made when it is first asked for. */
export const once = <A>(make: () => A): (() => A) => {
  let made: { readonly value: A } | undefined
  return () => {
    made ??= { value: make() }
    return made.value
  }
}

/** Training fits; or the row is about one buffer, which computing blocks twice leaves as large as it is. */
const isRelaxed = ({ training, bytes }: Fit): boolean => training || bytes < 2 ** 30

/** The rows with what would make training fit where it does not; asks what a step needs, each question once. `stepsOf` is called where one does not. */
function* relieved(rows: readonly Fit[], stepsOf: () => Steps): Generator<number, readonly Fit[], number> {
  if (rows.every(isRelaxed)) return rows
  const steps = stepsOf()
  const known = new Map<number, number>()
  const found: Fit[] = []
  for (const row of rows) {
    const questions = relief(steps, row.bytes)
    let step = isRelaxed(row) ? undefined : questions.next()
    while (step !== undefined && !step.done) {
      const bytes = known.get(step.value) ?? (yield step.value)
      known.set(step.value, bytes)
      step = questions.next(bytes)
    }
    found.push(step?.value === undefined ? row : { ...row, relief: step.value as Relief })
  }
  return found
}

/** `needs` says what a step needs on an engine with so many blocks computed twice: by its plan … */
export const relievedNow = (
  rows: readonly Fit[],
  stepsOf: () => Steps,
  needs: (count: number) => number,
): readonly Fit[] => {
  const questions = relieved(rows, stepsOf)
  let step = questions.next()
  while (!step.done) step = questions.next(needs(step.value))
  return step.value
}
/** … or by a trace. */
export const relievedLater = async (
  rows: readonly Fit[],
  stepsOf: () => Steps,
  needs: (count: number) => Promise<number>,
): Promise<readonly Fit[]> => {
  const questions = relieved(rows, stepsOf)
  let step = questions.next()
  while (!step.done) step = questions.next(await needs(step.value))
  return step.value
}
