/** What a report says of another engine's memory: its own figures, and what would make a step fit there. */
import { mkdtempSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { expect, test } from "vitest"
import { trace } from "../../src/backends/tfjs/trace.ts"
import { learningNames } from "../../src/compiler/analysis/parameters.ts"
import { compileSpecs, trainingOf } from "../../src/compiler/compile.ts"
import { packageRoot } from "../../src/compiler/frontend/package.ts"
import { standardSizes } from "../../src/compiler/passes/elaborate/index.ts"
import { trainingProgram } from "../../src/compiler/passes/program.ts"
import type { Report } from "../../src/compiler/report/report.ts"
import { ran } from "../cli/session.ts"

const file = join(mkdtempSync(join(tmpdir(), "hasam-needed-")), "spec.ts")
writeFileSync(
  file,
  `import { conv2d, masks, model, pixels, relu, sequential } from "hasam"
const layers = () => sequential(conv2d(4, 4, 3, { padding: 1 }), relu, conv2d(4, 4, 3, { padding: 1 }), relu)
export const net = model(sequential(conv2d(3, 4, 1), layers(), layers(), layers(), layers(), conv2d(4, 1, 1)), {
  name: "convolutions", takes: { image: pixels({ size: 64 }) }, teaches: { masks: masks() },
})
`,
)

test("on WebAssembly: what is promised is what a trace of the step under that --memory shows", async () => {
  const batch = 12_000
  const args = ["compile", file, "--batch", `${batch}`, "--target", "wasm", "--json"]
  const { out } = ran({ args, cwd: packageRoot, env: { ...process.env, NO_COLOR: "1" } })
  const { models } = JSON.parse(out) as Report
  const { memory } = models[0]!
  expect(memory!.target).toBe("wasm")
  const promised = memory!.fits.flatMap(({ relief }) => relief ?? [])
  expect(promised.length).toBeGreaterThan(0)
  const { models: compiled, specs } = await compileSpecs([file])
  const { data, name } = compiled[0]!
  const { loss, optimizer } = trainingOf(specs[0]!, name, data)
  for (const { memory: asked, recomputed, training } of promised) {
    const options = { learning: learningNames(data), loss, optimizer, memory: asked }
    const step = trainingProgram(data, standardSizes(data, batch), options)
    expect(step.recomputed).toHaveLength(recomputed)
    expect(trace(step.program, { engine: "wasm", workgroupBytes: 0 }).peak).toBe(training)
    expect(training).toBeLessThan(memory!.training)
  }
})
