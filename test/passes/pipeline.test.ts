import { describe, expect, test } from "vitest"
import { parse } from "../../src/compiler/ir/text.ts"
import { problemsOf } from "../../src/compiler/ir/verify.ts"
import { isComposite } from "../../src/compiler/passes/decompose.ts"
import { compile, type Goal, passes, type Task } from "../../src/compiler/passes/pipeline.ts"
import { schedule } from "../../src/compiler/passes/schedule.ts"
import { adam } from "../../src/dsl/index.ts"
import { learning, loss, model, sizes } from "./models.ts"

const goals: readonly Goal[] = [
  { kind: "inference" },
  { kind: "gradients", learning, loss },
  { kind: "training", learning, loss, optimizer: adam({ rate: 1e-3 }) },
]
const taskOf = (goal: Goal): Task => ({ model, sizes, goal, decompose: { scores: 24 } })
const names = passes.map(({ name }) => name)
/** Dumps after every pass, in full. */
const dumpsOf = (goal: Goal) =>
  compile(taskOf(goal), { dump: names, longest: Number.POSITIVE_INFINITY }).dumps.map(({ pass, text }) => ({
    pass,
    text,
  }))

describe.each(goals)("to $kind", (goal) => {
  test("what each pass leaves is a program, and its dump parses to it", () => {
    for (const { pass, text } of dumpsOf(goal)) {
      const { program } = compile(taskOf(goal), { stopAfter: pass })
      expect(parse(text)).toEqual(program)
      expect(problemsOf(program)).toEqual([])
    }
  })
})

test("each goal needs its passes, in their order", () => {
  const [inference, gradients, training] = goals.map((goal) => dumpsOf(goal).map(({ pass }) => pass))
  expect(inference).toEqual(["elaborate", "unpad", "simplify", "decompose"])
  expect(gradients).toEqual(["elaborate", "unpad", "loss", "differentiate", "simplify", "decompose"])
  expect(training).toEqual(["elaborate", "unpad", "loss", "differentiate", "optimize", "simplify", "decompose"])
})

test("only what is asked for is dumped, cut short for reading", () => {
  const { dumps } = compile(taskOf(goals[0]!), { dump: ["decompose"], longest: 4 })
  expect(dumps.map(({ pass }) => pass)).toEqual(["decompose"])
  expect(dumps[0]!.text).toMatch(/values=\[[^,]+,[^,]+,[^,]+,[^,]+,…\d+\]/)
})

test("stopping early leaves later passes out", () => {
  const composites = (stopAfter?: string) =>
    compile(taskOf(goals[0]!), { stopAfter }).program.graph.nodes.filter(({ op }) => isComposite(op)).length
  expect(composites("simplify")).toBeGreaterThan(0)
  expect(composites()).toBe(0)
})

test("names are unique, and every pass says what it is about", () => {
  expect(new Set(names).size).toBe(names.length)
  for (const { about } of passes) expect(about.length).toBeGreaterThan(10)
})

test("a memory budget has blocks computed again, and the program keeps to it", () => {
  const task = taskOf(goals[2]!)
  const peakOf = (memory?: number) => {
    const compiled = compile({ ...task, memory })
    const { resident, peak } = schedule(compiled.program.graph)
    return { peak: resident + peak, recomputed: compiled.recomputed }
  }
  const plain = peakOf()
  expect(plain.recomputed).toEqual([])
  expect(peakOf(plain.peak)).toEqual(plain)
  const less = peakOf(plain.peak - 1)
  expect(less.recomputed.length).toBeGreaterThan(0)
  expect(less.peak).toBeLessThan(plain.peak)
})

test("gradients stay known through all passes", () => {
  const { program, gradients } = compile(taskOf(goals[1]!))
  const outputs = new Map(program.graph.outputs.map(({ name, value }) => [name, value]))
  expect(gradients.size).toBe(learning.length)
  for (const [name, value] of gradients) expect(outputs.get(`grad/${name}`)).toBe(value)
})
