/** What a study consists of, and what is made of its results: without an engine. */
import { expect, test } from "vitest"
import { jobArguments } from "../../src/cli/commands/study.ts"
import { namedStudy, type StudyData } from "../../src/compiler/frontend/study.ts"
import {
  adam,
  asTrained,
  automatic,
  conv2d,
  jittered,
  localizer,
  masks,
  model,
  pixels,
  point,
  study,
  training,
} from "../../src/dsl/index.ts"
import { boxOf, boxPlots } from "../../src/runtime/figures/boxes.ts"
import type { Results } from "../../src/runtime/metrics/results.ts"
import { mergedCases } from "../../src/runtime/study/collect.ts"
import { tellingCases } from "../../src/runtime/study/outputs.ts"
import { conditionsOf, jobsOf, localizerOf } from "../../src/runtime/study/plan.ts"
import { commandLine, slurmScripts } from "../../src/runtime/study/slurm.ts"

const image = { image: pixels({ size: 32 }) }
const net = model(conv2d(3, 1, 3, { padding: 1 }), { name: "net", takes: image, teaches: { masks: masks() } })
const other = model(conv2d(3, 1, 1), { name: "other", takes: image, teaches: { masks: masks() } })
const finder = model(conv2d(3, 2, 1), { name: "finder", takes: image, teaches: { point: point() } })
const short = training(net, { epochs: 2 })
const long = training(net, { epochs: 4, optimizer: adam({ rate: 1e-3 }) })
const found = training(finder)
const byPoints = training(net, { prompt: localizer })
const exported = {
  models: Object.entries({ net, other, finder }).map(([name, { data }]) => ({ name, data })),
  trainings: Object.entries({ short, long, found, byPoints }).map(([name, of]) => ({ name, training: of })),
}
const named = (options: Parameters<typeof study>[0]) => namedStudy("mine", study(options), exported)
const dataOf = (options: Parameters<typeof study>[0]): StudyData => {
  const { study: data, flaws } = named(options)
  expect(flaws).toEqual([])
  return data!
}

test("jobs are trainings × seeds × folds × fractions × rates; what is not trained runs once a fold; localizers come first", () => {
  const data = dataOf({
    trainings: [other, short],
    ...{ seeds: [3, 4], folds: 5, fractions: [0.5, 1], rates: [1e-3, 1e-4] },
    prompts: [asTrained, jittered(0.05), automatic(found)],
  })
  const jobs = jobsOf(data)
  expect(jobs.length).toBe(2 * 5 * 2 + 5 + 2 * 5 * 2 * 2)
  expect(new Set(jobs.map(({ id }) => id)).size).toBe(jobs.length)
  expect(jobs[0]!.id).toBe("localizer-finder-seed3-fold1-part0.5")
  expect(jobs.at(-1)!.id).toBe("net-seed4-fold5-part1-rate0.0001")
  const [last, zeroShot] = [jobs.at(-1)!, jobs.find(({ arm }) => arm.name === "other")!]
  const by = data.prompts.flatMap((prompt) => (prompt.kind === "automatic" ? [prompt.localizer] : []))[0]!
  expect(localizerOf(jobs, last, by)?.id).toBe("localizer-finder-seed4-fold5-part1")
  expect(localizerOf(jobs, zeroShot, by)?.id).toBe("localizer-finder-seed3-fold1-part0.5")
  expect(conditionsOf(data).map(({ folder }) => folder)).toEqual([".", "moved-0.05", "automatic"])
  expect(
    conditionsOf(dataOf({ trainings: [short, other], prompts: [jittered(0.1)] })).map(({ folder }) => folder),
  ).toEqual([".", "moved-0.1"])
})

test("two trainings of one model are told apart; the reference is the last, the test paired with Holm's correction", () => {
  const data = dataOf({ trainings: [short, long] })
  expect(data.arms.map(({ name, of, model }) => [name, of, model])).toEqual([
    ["short", "short", "net"],
    ["long", "long", "net"],
  ])
  expect([data.reference, data.test, data.correction]).toEqual(["long", "paired", "holm"])
  expect(dataOf({ trainings: [short, long], test: "welch", reference: short })).toMatchObject({
    reference: "short",
    correction: "none",
  })
  expect(named({ trainings: [short, long] }).unequal).toEqual(["epochs: short 2, long 4"])
})

test.each([
  [{ trainings: [] }, "trainings is empty"],
  [{ trainings: [short, training(net)] }, "trainings[1] is not exported, so no run can be named after it"],
  [{ trainings: [short, {} as never] }, "trainings[1] is neither a training nor a model"],
  [{ trainings: [short, short] }, "'short' is compared with itself"],
  [{ trainings: [short], seeds: [] }, "seeds is empty"],
  [{ trainings: [short], rates: [1, 1] }, "rates has 1 twice"],
  [{ trainings: [short], folds: 2 }, "folds is 1 or at least 3"],
  [{ trainings: [short], prompts: [automatic(long)] }, "automatic takes a training of a model that is taught a point"],
  [{ trainings: [short], prompts: [] }, "prompts is empty"],
  [{ trainings: [byPoints] }, "trainings[0] is prompted by a localizer, and prompts has no automatic(…) whose points"],
  [{ trainings: [short], reference: long }, "its reference is not one of its trainings"],
] as const)("a study that cannot be run: %#", (options, flaw) => {
  expect(named(options as never).flaws.join("; ")).toContain(flaw)
})

test("a job's command line is the study's without what is the whole study's", () => {
  const given = ["my study.ts", "--data", "it's", "--jobs", "2", "--format=html", "--list", "--class", "1"]
  const args = jobArguments(given)
  expect(args).toEqual(["my study.ts", "--data", "it's", "--class", "1"])
  expect(commandLine(["hasam", "study", ...args])).toBe(`hasam study 'my study.ts' --data 'it'\\''s' --class 1`)
})

test("array scripts for a cluster: localizers first, a job a task", () => {
  const jobs = jobsOf(dataOf({ trainings: [short, other], seeds: [0, 1], prompts: [asTrained, automatic(found)] }))
  const [[first, localizers], [second, others]] = slurmScripts(jobs, ["hasam", "study", "a b.ts"]) as never
  expect([first, second]).toEqual(["localizers.sh", "study.sh"])
  expect(localizers).toContain("#SBATCH --array=1-2\n")
  expect(others).toContain("#SBATCH --array=1-3\n")
  expect(others).toContain("  net-seed1\n")
  expect(others).toContain(`exec hasam study 'a b.ts' --job "\${jobs[$SLURM_ARRAY_TASK_ID - 1]}"`)
})

test("a case's value is its mean over the runs that tested it", () => {
  const metrics = (dice: number, hd95?: number) => ({
    dice,
    iou: dice / 2,
    nsd: 1,
    ...(hd95 === undefined ? {} : { hd95 }),
  })
  const runs = [
    { cases: [{ id: "b", subject: "p", ...metrics(0.5, 4), classes: { nerve: metrics(0.5) } }] },
    {
      cases: [
        { id: "b", subject: "p", ...metrics(1), classes: { nerve: metrics(1) } },
        { id: "a", ...metrics(0) },
      ],
    },
  ]
  expect(mergedCases(runs)).toEqual([
    { id: "a", ...metrics(0) },
    { id: "b", subject: "p", ...metrics(0.75, 4), classes: { nerve: metrics(0.75) } },
  ])
  const cases = ["c", "a", "b", "d"].map((id, i) => ({ id, ...metrics(i) }))
  expect(tellingCases({ results: { cases } })).toEqual([
    { id: "c", what: "worst" },
    { id: "a", what: "median" },
    { id: "d", what: "best" },
  ])
  expect(tellingCases({ results: { cases: cases.slice(0, 1) } }).length).toBe(1)
})

test("boxes are Tukey's, and whiskers never end inside a box", async () => {
  expect(boxOf([1, 2, 3, 4, 100])).toEqual({ low: 1, q1: 2, median: 3, q3: 4, high: 4, outside: [100] })
  const skewed = boxOf([0, 10, 10.1, 10.2])!
  expect(skewed.low).toBeLessThanOrEqual(skewed.q1)
  expect(boxOf([])).toBeUndefined()
  const results = (name: string): Results => ({
    model: name,
    dataset: "d",
    unit: "mm",
    conventions: {},
    cases: [0.1, 0.5, 0.9].map((dice, i) => ({ id: `${i}`, dice, iou: dice, hd95: 9 })),
  })
  const svg = await boxPlots("a <b>", [results("one"), results("<two>")])
  for (const text of ["one", "&lt;two&gt;", "HD95, mm", "Dice, %"]) expect(svg).toContain(text)
  expect(svg).not.toMatch(/NSD|NaN|<two>/)
  expect(await boxPlots("a <b>", [results("one"), results("<two>")])).toBe(svg)
})
