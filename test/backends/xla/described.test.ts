/** Programs compiled for an H100 that is not there; and a report's memory on a target, by the compiler's figures or the plan's. */
import { mkdtempSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { describe, expect, test } from "vitest"
import { cpuMemory } from "../../../src/backends/onnx/memory.ts"
import { describedFor } from "../../../src/backends/xla/described.ts"
import { totalOf } from "../../../src/backends/xla/pjrt/api.ts"
import { planned } from "../../../src/backends/xla/planned.ts"
import { neededOn } from "../../../src/cli/targets/memory.ts"
import { costReport } from "../../../src/compiler/analysis/summary.ts"
import { packageRoot } from "../../../src/compiler/frontend/package.ts"
import { plain } from "../../../src/compiler/report/colors.ts"
import { reportHtml } from "../../../src/compiler/report/html.ts"
import { modelText } from "../../../src/compiler/report/text.ts"
import { leastSquares } from "../tfjs/programs.ts"
import { described } from "./plugin.ts"

const program = leastSquares(64, 32, 0.1)
/** w, x, t: 4 bytes each. */
const sources = 4 * (64 * 32 + 32 + 64)

describe.skipIf(described === undefined)("for a described H100", () => {
  test.each(["float32", "tf32", "bf16"] as const)(
    "a training step compiles in %s, and its state stays in place",
    async (precision) => {
      const { device, available, memory, total, text } = await describedFor(program, { precision, env: described! })
      expect(device).toBe("NVIDIA H100 80GB HBM3")
      expect(available).toBeGreaterThan(79 * 2 ** 30)
      expect(memory.arguments).toBeGreaterThanOrEqual(sources)
      // w and the count of steps.
      expect(memory.alias).toBeGreaterThanOrEqual(4 * 33)
      expect(total).toBe(totalOf(memory))
      expect(total).toBeGreaterThan(sources)
      expect(text).toBeLessThan(20_000)
    },
  )
})

test("the plan of a program that XLA has not seen holds its arguments and what is between", () => {
  expect(planned(program)).toBeGreaterThan(sources)
  expect(planned(program)).toBeLessThan(4 * sources)
})

describe("a report on a target", async () => {
  // A spec is evaluated by a worker, which is there once it is built.
  const { compileSpecs }: typeof import("../../../src/compiler/compile.ts") = await import(
    /* @vite-ignore */ join(packageRoot, "dist/compiler/compile.js")
  )
  const compiled = await compileSpecs([join(packageRoot, "examples/small")], {
    cost: { of: costReport(undefined, cpuMemory), atMost: 1 },
  })
  const [before] = compiled.report.models

  test("has the figures of TensorFlow.js, and says that they are predicted", async () => {
    const [{ memory }, ...none] = (await neededOn("wasm", compiled, {})) as [typeof before & {}]
    expect(none).toEqual([])
    expect(memory!.target).toBe("wasm")
    expect(memory!.compiledFor).toBeUndefined()
    expect(memory!.training).toBeGreaterThan(memory!.inference)
    expect(memory!.training).not.toBe(before!.memory!.training)
    expect(memory!.fits.map(({ device }) => device)).toEqual(before!.memory!.fits.map(({ device }) => device))
    const model = { ...before!, memory: memory! }
    expect(modelText(model, { colors: plain })).toContain("(peak, predicted for --target wasm, float32)")
    expect(reportHtml({ ...compiled.report, models: [model] })).toContain(
      "Peak memory, predicted for --target wasm, float32.",
    )
  })

  test("is the CPU engine's where the target has no figures of its own", async () => {
    expect(await neededOn("onnx", compiled, {})).toEqual(compiled.report.models)
  })

  test("without a plugin has the plan's figures for CUDA", async () => {
    const empty = mkdtempSync(join(tmpdir(), "hasam-none-"))
    const kept = process.env["HASAM_CUDA_PLUGIN"]
    process.env["HASAM_CUDA_PLUGIN"] = join(empty, "none.so")
    try {
      const [model] = await neededOn("cuda", compiled, {})
      expect(model!.memory).toMatchObject({ target: "cuda", batch: before!.memory!.batch })
      expect(model!.memory!.compiledFor).toBeUndefined()
      const [small] = await neededOn("cuda", compiled, { memory: 25 * 2 ** 20 })
      expect(small!.memory!.training).toBeLessThan(model!.memory!.training)
    } finally {
      if (kept === undefined) delete process.env["HASAM_CUDA_PLUGIN"]
      else process.env["HASAM_CUDA_PLUGIN"] = kept
    }
  })
})
