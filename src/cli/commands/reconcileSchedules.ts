/** Which number in a schedule would make a model's count print as given. */
import { readFileSync } from "node:fs"
import { modelProblems } from "../../compiler/analysis/checks.ts"
import { tensorTable } from "../../compiler/analysis/parameters.ts"
import type { Compiled } from "../../compiler/compile.ts"
import type { EvaluatedSpec } from "../../compiler/frontend/evaluate.ts"
import { numbersOf, tried, type WrittenNumber } from "../../compiler/frontend/numbers.ts"
import { type Counts, soughtOf } from "../../compiler/report/reconcile.ts"
import { search } from "../../compiler/report/search.ts"
import type { ModelData } from "../../dsl/model.ts"
import { pthLength } from "../../runtime/weights/pthWrite.ts"

/** A number of a spec that decides ranks, and what it would have to be for a reading to fit. */
export interface Solution {
  readonly number: WrittenNumber
  readonly model: string
  readonly of: string
  readonly unit: string
  /** The plainest number that does; what is written, if that does. */
  readonly value: string
  readonly counts: Counts
}

/** What expectations say of the counts is no reason to call a model wrong: the counts are what is changed. */
const expected: ReadonlySet<string> = new Set(["HS1003", "HS1004", "HS1016", "HS1019"])

interface Weighed extends Counts {
  /** Parameters that were there before anything was added: no schedule changes them. */
  readonly base: number
}
const weighed = (name: string, data: ModelData | undefined): Weighed | undefined => {
  if (data === undefined) return undefined
  const tensors = tensorTable(data)
  const wrong = modelProblems(name, data, tensors).some(
    ({ severity, code }) => severity === "error" && !expected.has(code),
  )
  if (wrong) return undefined
  const sum = (of: typeof tensors): number => of.reduce((n, { size }) => n + size, 0)
  const parameters = tensors.filter(({ kind }) => kind === "parameter")
  const learning = parameters.filter(({ learns }) => learns)
  return {
    trainable: sum(learning),
    total: sum(parameters),
    file: pthLength(learning),
    base: sum(parameters.filter(({ adaptation }) => adaptation === undefined)),
  }
}

/** Numbers that change what was added to a model and nothing else; those that a formula is given, or else those in a formula. */
const deciding = (
  numbers: readonly WrittenNumber[],
  before: Weighed,
  probes: readonly (readonly (Weighed | undefined)[])[],
): readonly number[] => {
  const found = numbers.flatMap((_, i) => {
    const seen = probes[i]!.filter((one) => one !== undefined)
    return seen.length > 0 &&
      seen.every(({ base }) => base === before.base) &&
      seen.some(({ total }) => total !== before.total)
      ? [i]
      : []
  })
  const given = found.filter((i) => numbers[i]!.named)
  return given.length > 0 ? given : found
}

const solve = async (
  { entry }: EvaluatedSpec,
  models: Compiled["models"],
  printed: string,
): Promise<readonly Solution[]> => {
  const source = readFileSync(entry, "utf8")
  const numbers = numbersOf(entry, source).filter(({ value }) => Number.isFinite(value) && value !== 0)
  const names = models.map(({ name }) => name)
  const factors = [0.73, 1.37]
  const trials = numbers.flatMap(({ value }, number) => factors.map((factor) => ({ number, value: value * factor })))
  const probed = await tried(entry, source, numbers, names, trials)
  const known: { readonly number: number; readonly counts: Weighed | undefined }[] = []
  const solutions: Solution[] = []
  for (const { name, data } of models) {
    const before = weighed(name, data)
    if (before === undefined) continue
    const ask = async (number: number, values: readonly number[]) => {
      const given = values.map((value) => ({ number, value }))
      return (await tried(entry, source, numbers, [name], given)).map((found) => weighed(name, found.get(name)))
    }
    const probes = numbers.map((_, i) =>
      factors.map((_, k) => weighed(name, probed[i * factors.length + k]!.get(name))),
    )
    for (const i of deciding(numbers, before, probes)) {
      const number = numbers[i]!
      // The same function, given another number at another place, has the same answers.
      const like = known.filter((one) => holed(numbers[one.number]!) === holed(number))
      const same =
        like.length === 0
          ? []
          : await ask(
              i,
              like.map((one) => numbers[one.number]!.value * factors[1]!),
            )
      if (like.some(({ counts }, k) => counts !== undefined && counts.total === same[k]?.total)) continue
      known.push({ number: i, counts: probes[i]![1] })
      const sought = soughtOf(printed)
      const found = await search(
        number,
        (values) => ask(i, values),
        sought.map(({ off }) => off),
      )
      sought.forEach(({ of, unit }, k) => {
        const answer = found[k]
        if (answer !== undefined)
          solutions.push({ number, model: name, of, unit, value: answer.text, counts: answer.count })
      })
    }
  }
  return solutions
}

/** What a number is given to, without it. */
const holed = ({ within, text }: WrittenNumber): string => within.replace(text, "…")

/** For every model, all numbers of its spec's own file that decide ranks. */
export const solutionsOf = async (printed: string, { specs, models }: Compiled): Promise<readonly Solution[]> => {
  const all: Solution[] = []
  for (const spec of specs) {
    const own = models.filter(({ data }) => spec.models.some((model) => model.data === data))
    if (own.length > 0) all.push(...(await solve(spec, own, printed)))
  }
  return all
}
