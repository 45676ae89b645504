/**
 * The small SAMs of test/run through a PJRT plugin, against the float64 reference: every prompt, several masks, every placement. Compiling
 * is what it costs, so the prompts of a model are one program: one encoder, a decoder and a loss for each, gradients of a sum of losses.
 * HASAM_FULL=1 adds the models whose every parameter learns, by every prompt's loss: a minute of processor time.
 */
import { describe, expect, test } from "vitest"
import { reference } from "../../../src/backends/reference.ts"
import { xla } from "../../../src/backends/xla/engine.ts"
import { learningNames, tensorTable } from "../../../src/compiler/analysis/parameters.ts"
import { Builder, type Value } from "../../../src/compiler/ir/builder.ts"
import type { Graph, Program, Tensors } from "../../../src/compiler/ir/graph.ts"
import { differentiate } from "../../../src/compiler/passes/differentiate.ts"
import { gradientProgram } from "../../../src/compiler/passes/program.ts"
import { add, bceWithLogits, dice, type Model } from "../../../src/dsl/index.ts"
import { everyPlacement, odd, other, prompts, randomInputs, randomWeights, sizesFor } from "../../run/models.ts"
import { absent, quick } from "./plugin.ts"

type Prompt = keyof typeof prompts
const loss = add(dice(), bceWithLogits())

/** What the named outputs are computed from, once more in `b`; inputs get names of their own, but for the image. */
const copied = (b: Builder, { nodes, outputs }: Graph, prompt: Prompt): Readonly<Record<string, Value>> => {
  const values = new Map<number, Value>()
  const copy = (id: number): Value => {
    const known = values.get(id)
    if (known !== undefined) return known
    const node = nodes[id]!
    const inputs = node.inputs.map(copy)
    const value =
      node.op === "parameter"
        ? b.parameter(node.attrs.name, node.shape)
        : node.op === "input"
          ? b.input(node.attrs.name === "image" ? "image" : `${prompt}/${node.attrs.name}`, node.shape)
          : b.again(node, inputs)
    values.set(id, value)
    return value
  }
  const wanted = outputs.filter(({ name }) => !name.startsWith("grad/"))
  return Object.fromEntries(wanted.map(({ name, value }) => [`${prompt}/${name}`, copy(value)]))
}

const every = Object.keys(prompts) as Prompt[]

interface Case {
  readonly model: Model<any, any>
  readonly size: number
  readonly multimask?: boolean
  /** Prompts by whose loss it learns. */
  readonly taught: readonly Prompt[]
}
const adapters: Case = { model: everyPlacement, size: 40, taught: ["all"] }
const cases: Readonly<Record<string, Case>> = {
  "adapters in every placement": adapters,
  ...(process.env["HASAM_FULL"] === undefined
    ? {}
    : {
        "an odd SAM, all of it learning": { model: odd, size: 40, taught: every },
        "another SAM, all of it learning, several masks": { model: other, size: 56, multimask: true, taught: every },
      }),
}

/** All outputs of each prompt, and gradients of the sum of losses. */
const together = ({ model: { data }, size, multimask = false, taught }: Case) => {
  const learning = learningNames(data)
  const b = new Builder()
  const all: Record<string, Value> = {}
  const inputs: Record<string, Tensors[string]> = {}
  for (const prompt of every) {
    const sizes = sizesFor(size, prompt, multimask)
    Object.assign(all, copied(b, gradientProgram(data, sizes, { learning, loss }).program.graph, prompt))
    for (const [name, tensor] of Object.entries(randomInputs(sizes)))
      inputs[name === "image" ? name : `${prompt}/${name}`] = tensor
  }
  const sum = taught.map((prompt) => all[`${prompt}/loss`]!).reduce((a, x) => b.add(a, x))
  const { gradients } = differentiate(b, sum, learning)
  const named = [...gradients].map(([name, value]) => [`grad/${name}`, value] as const)
  const program: Program = { graph: b.build({ ...all, ...Object.fromEntries(named) }), state: {} }
  return { program, inputs, weights: randomWeights(tensorTable(data)) }
}

const norm = (xs: Float32Array): number => Math.sqrt(xs.reduce((sum, x) => sum + x * x, 0))
const apart = (a: Float32Array, b: Float32Array): number => norm(a.map((x, i) => x - b[i]!))

describe.skipIf(absent !== undefined)("small SAMs through a PJRT plugin", () => {
  test.each(Object.entries(cases))("%s, every prompt: outputs to 1e-5, gradients to 1e-4", async (_, of) => {
    const { program, inputs, weights } = together(of)
    const given = program.graph.nodes.flatMap((node) =>
      node.op === "parameter" || node.op === "input" ? [node.attrs.name] : [],
    )
    const used = (of: Tensors) => Object.fromEntries(Object.entries(of).filter(([name]) => given.includes(name)))
    const [ours, right] = await Promise.all(
      [xla({ cache: false, env: quick }), reference()].map(async (backend) => {
        const run = await backend.compile(program)
        await run.load(used(weights))
        return run.run(used(inputs)).finally(() => run.dispose())
      }),
    )
    expect(Object.keys(ours!).sort()).toEqual(Object.keys(right!).sort())
    const gradients = Object.keys(right!).filter((name) => name.startsWith("grad/"))
    expect(gradients.length).toBeGreaterThan(10)
    const all = Math.max(...gradients.map((name) => norm(right![name]!.data)))
    expect(all).toBeGreaterThan(0)
    for (const [name, { data, shape }] of Object.entries(right!)) {
      expect(ours![name]!.shape).toEqual(shape)
      const off = apart(ours![name]!.data, data)
      // Some gradients are zero but for rounding: a thousandth of the largest is their measure.
      if (name.startsWith("grad/")) expect(off / Math.max(norm(data), 1e-3 * all), name).toBeLessThan(1e-4)
      else expect(off / norm(data), name).toBeLessThan(1e-5)
    }
  })
})
