import { readFileSync } from "node:fs"
import { describe, expect, test } from "vitest"
import { Builder } from "../../src/compiler/ir/builder.ts"
import { evaluate } from "../../src/compiler/ir/evaluate/index.ts"
import { type Program, sizeOf } from "../../src/compiler/ir/graph.ts"
import { clockAt, optimize, type StepOptions } from "../../src/compiler/passes/optimizer.ts"
import { trainingProgram } from "../../src/compiler/passes/program.ts"
import { adam, adamW, clipNorm, clipValue, type Optimizer, sgd } from "../../src/dsl/index.ts"
import { relativeError, type Values, valuesFor } from "../ir/support.ts"
import { learning, loss, model, sizes } from "./models.ts"

type Steps = readonly Readonly<Record<string, readonly number[]>>[]
/** From PyTorch: see reference/make_optimizers.py. */
const reference: { readonly rates: readonly number[]; readonly steps: Readonly<Record<string, Steps>> } = JSON.parse(
  readFileSync(new URL("./reference/optimizers.json", import.meta.url), "utf8"),
)
const rate = 0.1
const optimizers: Readonly<Record<string, Optimizer>> = {
  adam: adam({ rate }),
  "adam, other betas and eps": adam({ rate, betas: [0.8, 0.95], eps: 0.01 }),
  adamW: adamW({ rate }),
  "adamW, strong decay": adamW({ rate, weightDecay: 0.3, betas: [0.7, 0.9], eps: 1e-3 }),
  sgd: sgd({ rate }),
  "sgd with momentum": sgd({ rate, momentum: 0.9 }),
}
const shapes: Readonly<Record<string, readonly number[]>> = { a: [5], b: [2, 3] }
/** As in make_optimizers.py: step 0 are the initial values. */
const formula = (name: string, step: number): Float64Array =>
  Float64Array.from({ length: sizeOf(shapes[name]!) }, (_, i) =>
    Math.sin(1 + 3 * i + 7 * step + 5 * name.charCodeAt(0)),
  )

/** Gradients are inputs; the program's state is all that the optimizer keeps. */
const optimizerProgram = (optimizer: Optimizer, options: StepOptions = {}): Program => {
  const b = new Builder()
  const gradients = new Map(Object.entries(shapes).map(([name, shape]) => [name, b.input(`gradient/${name}`, shape)]))
  const updates = optimize(b, optimizer, gradients, options)
  return {
    graph: b.build(Object.fromEntries([...updates].map(([name, value]) => [`next/${name}`, value]))),
    state: Object.fromEntries([...updates.keys()].map((name) => [name, `next/${name}`])),
  }
}
/** State as a run of the program leaves it. */
const after = ({ graph, state }: Program, values: Values): Values => {
  const outputs = evaluate(graph, values)
  return Object.fromEntries(Object.entries(state).map(([name, next]) => [name, outputs[next]!.data]))
}
/** Moments and sums start at zero. */
const zeroState = ({ graph, state }: Program): Values =>
  Object.fromEntries(
    graph.nodes.flatMap((node) =>
      node.op === "input" && node.attrs.name in state ? [[node.attrs.name, new Float64Array(sizeOf(node.shape))]] : [],
    ),
  )
const clock = (optimizer: Optimizer, step: number, at = optimizer.rate): Values =>
  Object.fromEntries(Object.entries(clockAt(optimizer, at, step)).map(([name, x]) => [name, Float64Array.of(x)]))

describe("five steps are PyTorch's, with a rate that changes", () => {
  test("every optimizer of the reference is tried", () => {
    expect(Object.keys(optimizers)).toEqual(Object.keys(reference.steps))
  })
  for (const [name, optimizer] of Object.entries(optimizers))
    test(name, () => {
      const program = optimizerProgram(optimizer)
      let held: Values = { ...zeroState(program), a: formula("a", 0), b: formula("b", 0) }
      reference.steps[name]!.forEach((expected, i) => {
        const step = i + 1
        const gradients = { "gradient/a": formula("a", step), "gradient/b": formula("b", step) }
        held = after(program, { ...held, ...gradients, ...clock(optimizer, step, reference.rates[i]!) })
        for (const [of, values] of Object.entries(expected))
          expect(relativeError(held[of]!, values)).toBeLessThan(1e-13)
      })
    })
})

/** One step from the formulas' values, with these gradients. */
const stepped = (optimizer: Optimizer, options: StepOptions, gradients: Values): Values => {
  const program = optimizerProgram(optimizer, options)
  const fed = Object.fromEntries(Object.entries(gradients).map(([name, data]) => [`gradient/${name}`, data]))
  const held = { ...zeroState(program), a: formula("a", 0), b: formula("b", 0) }
  return after(program, { ...held, ...fed, ...clock(optimizer, 1) })
}
describe("gradients are clipped before the step", () => {
  const gradients: Values = { a: formula("a", 1), b: formula("b", 1) }
  const norm = Math.sqrt(Object.values(gradients).reduce((sum, g) => sum + g.reduce((n, x) => n + x * x, 0), 0))
  const mapped = (f: (x: number) => number): Values =>
    Object.fromEntries(Object.entries(gradients).map(([name, g]) => [name, Float64Array.from(g, f)]))
  const same = (got: Values, expected: Values) => {
    for (const [name, values] of Object.entries(expected)) expect(relativeError(got[name]!, values)).toBeLessThan(1e-13)
  }
  for (const [name, optimizer] of Object.entries(optimizers)) {
    test(`all together, ${name}`, () => {
      // clip_grad_norm_ adds 1e-6 to the norm.
      const shorter = mapped((x) => x * (0.7 / (norm + 1e-6)))
      expect(norm).toBeGreaterThan(1)
      same(stepped(optimizer, { clip: clipNorm(0.7) }, gradients), stepped(optimizer, {}, shorter))
      same(stepped(optimizer, { clip: clipNorm(100) }, gradients), stepped(optimizer, {}, gradients))
    })
    test(`each number, ${name}`, () => {
      const bounded = mapped((x) => Math.max(-0.3, Math.min(0.3, x)))
      same(stepped(optimizer, { clip: clipValue(0.3) }, gradients), stepped(optimizer, {}, bounded))
    })
    test(`a tensor has a rate of its own, ${name}`, () => {
      const slower = { ...optimizer, rate: optimizer.rate * 0.25 }
      const both = stepped(optimizer, { factors: new Map([["b", 0.25]]) }, gradients)
      const [one, other] = [stepped(optimizer, {}, gradients), stepped(slower, {}, gradients)]
      same({ a: both["a"]!, b: both["b"]! }, { a: one["a"]!, b: other["b"]! })
      expect(relativeError(one["b"]!, other["b"]!)).toBeGreaterThan(1e-4)
    })
    test(`a tensor's rate is multiplied by what is fed, on top of its own, ${name}`, () => {
      const tuned = new Map([["b", { feed: "rate_factor/3" }]])
      const program = optimizerProgram(optimizer, { factors: new Map([["b", 0.5]]), tuned })
      const fed = Object.fromEntries(Object.entries(gradients).map(([of, data]) => [`gradient/${of}`, data]))
      const held = { ...zeroState(program), a: formula("a", 0), b: formula("b", 0) }
      const got = after(program, { ...held, ...fed, ...clock(optimizer, 1), "rate_factor/3": Float64Array.of(0.5) })
      const asOne = stepped(optimizer, { factors: new Map([["b", 0.25]]) }, gradients)
      same({ a: got["a"]!, b: got["b"]! }, { a: asOne["a"]!, b: asOne["b"]! })
    })
  }
})

/** Values of everything fed to a program: state at zero, the rest random. */
const start = (program: Program): Values => ({ ...valuesFor(program.graph, 4), ...zeroState(program) })
const optimizer = adam({ rate: 0.05 })
const options = { learning, loss, optimizer }

test("two accumulated runs of one image are one run of two", () => {
  const both = trainingProgram(model, { ...sizes, batch: 2 }, options).program
  const single = trainingProgram(model, sizes, { ...options, accumulate: 2 }).program
  const all = start(both)
  // What is fed has the batch as its first axis; image i is the i-th half.
  const fed = ["image", "point_coords", "point_labels", "target"]
  const half = (i: number): Values =>
    Object.fromEntries(
      fed.map((name) => {
        const length = all[name]!.length / 2
        return [name, all[name]!.slice(i * length, (i + 1) * length)]
      }),
    )
  let whole: Values = all
  let parts: Values = { ...all, ...zeroState(single) }
  for (const step of [1, 2]) {
    whole = { ...whole, ...after(both, { ...whole, ...clock(optimizer, step) }) }
    for (const i of [0, 1]) {
      const before = parts
      const apply = Float64Array.of(i)
      parts = { ...parts, ...after(single, { ...parts, ...half(i), ...clock(optimizer, step), apply }) }
      // The first run changes nothing but the sum.
      if (i === 0) for (const name of learning) expect(parts[name]).toEqual(before[name])
    }
  }
  for (const name of Object.keys(both.state)) {
    expect(relativeError(parts[name]!, whole[name]!)).toBeLessThan(1e-9)
    if (learning.includes(name)) expect(relativeError(whole[name]!, all[name]!)).toBeGreaterThan(1e-3)
  }
})

test("what is frozen has no state, no moments and no next value", () => {
  const { program, receiving } = trainingProgram(model, sizes, options)
  expect(receiving).toEqual(learning)
  const moments = learning.flatMap((name) => [name, `adam/m/${name}`, `adam/v/${name}`])
  expect(Object.keys(program.state).sort()).toEqual([...moments].sort())
  expect(program.graph.outputs.map(({ name }) => name).sort()).toEqual(
    ["loss", ...moments.map((name) => `next/${name}`)].sort(),
  )
})

test("what the loss does not reach is named, and keeps no state either", () => {
  // With a point alone, nothing reads the mask's convolutions.
  const lost = "prompt_encoder.mask_downscaling.0.weight"
  const { program, unreached } = trainingProgram(model, sizes, { ...options, learning: [...learning, lost] })
  expect(unreached).toEqual([lost])
  expect(Object.keys(program.state).some((name) => name.includes(lost))).toBe(false)
})
