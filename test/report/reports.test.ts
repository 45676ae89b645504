/** Reports of specs, as a user asks for them. */
import { mkdtempSync, readFileSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { expect, test } from "vitest"
import { tensorTable } from "../../src/compiler/analysis/parameters.ts"
import { packageRoot } from "../../src/compiler/frontend/package.ts"
import { plain } from "../../src/compiler/report/colors.ts"
import { reportHtml } from "../../src/compiler/report/html.ts"
import { reportMarkdown } from "../../src/compiler/report/markdown.ts"
import { modelReport } from "../../src/compiler/report/model.ts"
import { type Report, schemaName } from "../../src/compiler/report/report.ts"
import { reportSvg } from "../../src/compiler/report/svg.ts"
import { modelText } from "../../src/compiler/report/text.ts"
import {
  adapt,
  afterAttention,
  freezeAll,
  inMlpResidual,
  linear,
  pipe,
  relu,
  residual,
  sam,
  sequential,
  uniform,
} from "../../src/dsl/index.ts"
import { pthLength, pthOf } from "../../src/runtime/weights/pthWrite.ts"
import { ran } from "../cli/session.ts"

const folder = mkdtempSync(join(tmpdir(), "hasam-report-"))
const hasam = (...args: readonly string[]) => {
  return ran({ args, cwd: packageRoot, env: { ...process.env, NO_COLOR: "1" } })
}

test("a .pth file's length is foreseen to the byte", async () => {
  const tensors = [
    { name: "a.weight", shape: [3, 5] },
    { name: "a.much.longer.name.of.a.bias", shape: [300] },
    { name: "scalar", shape: [] },
  ]
  const outgoing = tensors.map((tensor) => ({
    ...tensor,
    dtype: "F32" as const,
    bytes: () => new Uint8Array(4 * tensor.shape.reduce((product, extent) => product * extent, 1)),
  }))
  let length = 0
  for await (const piece of pthOf("x.pth", outgoing)) length += piece.length
  expect(pthLength(tensors)).toBe(length)
})

test("SAMed's 18.81 is the size of its checkpoint", () => {
  const samed = join(folder, "samed.ts")
  writeFileSync(
    samed,
    `import { adapt, freezeAll, lora, pipe, sam, unfreeze, uniform } from "hasam"
const net = sam({ imageSize: 512, width: 768, depth: 12, heads: 12, globalBlocks: [2, 5, 8, 11], decoder: { maskTokens: 9 } })
export const samed = pipe(net, freezeAll, unfreeze("promptEncoder", "maskDecoder"), adapt(uniform(12, 4), (rank) => [lora({ rank, on: ["q", "v"] })]))
`,
  )
  const { out } = hasam("reconcile", "18.81", samed)
  expect(out).toMatch(/samed +a \.pth of what learns +mebibytes of file +19,72\d,\d{3} bytes, 4,913,621 parameters/)
})

test("diff has percentages, groups and a TOTAL", () => {
  const { out } = hasam("diff", "examples/ha-sam#mebibytes", "examples/ha-sam#millions")
  expect(out).toMatch(/^mebibytes → millions +parameters +learn/)
  expect(out).toMatch(/\nafter_attention +\+2,512,995 +\+280\.93 % +\+2,512,995/)
  expect(out).toMatch(/\nTOTAL +\+5,025,990 +\+5\.26 % +\+5,025,990 +\+280\.93 %\n$/)
})

test("SARIF says each mistake at its line, with its rule, and is written although there are mistakes", () => {
  const { status } = hasam("compile", "test/invalid/ten-mistakes.ts", "--report", "sarif", "--out", folder)
  expect(status).toBe(1)
  const { version, runs } = JSON.parse(readFileSync(join(folder, "report.sarif"), "utf8"))
  expect(version).toBe("2.1.0")
  const [{ tool, results }] = runs
  expect(results).toHaveLength(10)
  expect(results[0]).toMatchObject({
    ruleId: "HS1010",
    level: "error",
    message: { text: expect.stringMatching(/^this layer takes 32 features, but the layer before it gives 31\b/) },
    locations: [
      {
        physicalLocation: {
          artifactLocation: { uri: "test/invalid/ten-mistakes.ts" },
          region: { startLine: 27, startColumn: 33 },
        },
      },
    ],
  })
  for (const { ruleId, ruleIndex } of results) expect(tool.driver.rules[ruleIndex].id).toBe(ruleId)
})

test("ranks are those of the layers, whatever their schedule says, in every form that shows ranks", () => {
  const tiny = sam({ imageSize: 32, patchSize: 8, width: 64, depth: 2, heads: 2, globalBlocks: [1] })
  const adapter = (rank: number) => residual(sequential(linear(64, rank), relu, linear(rank, 64)))
  const { data } = pipe(
    tiny,
    freezeAll,
    adapt(uniform(2, 8), () => [afterAttention(adapter(4)), inMlpResidual(adapter(40))]),
  )
  const model = modelReport("both", data, tensorTable(data), () => ({ file: "", line: 0, column: 0 }))
  const report: Report = { $schema: schemaName, schema: 1, hasam: "0", models: [model], diagnostics: [] }
  for (const { ranks } of model.blocks) expect(ranks).toEqual({ after_attention: 4, in_mlp_residual: 40 })
  const row = (of: string) => new RegExp(`${of}.*\\b4\\b.*\\b40\\b`)
  expect(modelText(model, { colors: plain })).toMatch(row("window"))
  expect(reportMarkdown(report)).toMatch(row("window"))
  for (const picture of [reportSvg(report), reportHtml(report)]) {
    expect(picture).toContain("after_attention rank 4, in_mlp_residual rank 40")
    expect(picture).not.toContain("rank 8")
  }
})
