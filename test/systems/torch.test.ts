/** Every system and method in small, as a package for PyTorch: the CPU engine's outputs, loss and gradients. */
import { execFileSync } from "node:child_process"
import { mkdtemp } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { beforeAll, describe, expect, it } from "vitest"
import * as small from "../../examples/systems/small.ts"
import { cpu } from "../../src/backends/onnx/engine.ts"
import { isModel, type Model } from "../../src/dsl/model.ts"
import { isTraining } from "../../src/dsl/training.ts"
import { type Answer, anyCase, type Case, writeCase } from "../backends/pytorch/packages.ts"
import { python } from "../weights/tools.ts"
import { methods } from "./methods.ts"

const trainings = Object.values(small as Readonly<Record<string, unknown>>).filter(isTraining)
const systems = Object.entries(small as Readonly<Record<string, unknown>>).flatMap(([name, of]) => {
  const how = isModel(of) ? trainings.find(({ model }) => model === of.data) : undefined
  return how === undefined ? [] : [[name, of as Model, how] as const]
})
const cases: Readonly<Record<string, Case>> = Object.fromEntries([
  ...systems.map(([name, of, { loss, prompt }]) => [name, anyCase(of, loss, prompt.kind === "box" ? "box" : "points")]),
  ...Object.entries(methods).map(([name, { model, training }]) => [name, anyCase(model, training.loss)] as const),
])

describe.skipIf(python === undefined)("as packages for PyTorch", () => {
  let answers: Readonly<Record<string, Answer>> = {}
  beforeAll(async () => {
    const root = await mkdtemp(join(tmpdir(), "hasam-systems-"))
    for (const [name, one] of Object.entries(cases)) await writeCase(join(root, name), one, cpu())
    const script = fileURLToPath(new URL("../backends/pytorch/check.py", import.meta.url))
    const folders = Object.keys(cases).map((name) => join(root, name))
    answers = JSON.parse(execFileSync(python!, [script, ...folders], { encoding: "utf8", maxBuffer: 2 ** 26 })).results
  })
  it.each(Object.keys(cases))("%s: outputs, loss and gradients", (name) => {
    const answer = answers[name]!
    for (const [output, error] of Object.entries(answer.outputs)) expect(error, output).toBeLessThan(1e-4)
    expect(answer.loss).toBeLessThan(1e-5)
    expect(Object.keys(answer.gradients).length).toBeGreaterThan(0)
    for (const [tensor, error] of Object.entries(answer.gradients)) expect(error, tensor).toBeLessThan(1e-3)
    expect(answer.others).toEqual([])
  })
})
