import { describe, expect, test } from "vitest"
import { defaultLimits } from "../../../src/backends/tfjs/device.ts"
import { limitDiagnostics, limitProblems } from "../../../src/backends/tfjs/limits.ts"
import { trace } from "../../../src/backends/tfjs/trace.ts"
import { Builder } from "../../../src/compiler/ir/builder.ts"
import type { Program } from "../../../src/compiler/ir/graph.ts"
import { standardSizes } from "../../../src/compiler/passes/elaborate/index.ts"
import { inferenceProgram, trainingProgram } from "../../../src/compiler/passes/program.ts"
import {
  adam,
  adapt,
  afterAttention,
  bceWithLogits,
  freezeAll,
  inMlpResidual,
  linear,
  pipe,
  type Rank,
  relu,
  residual,
  samVitB,
  schedule,
  sequential,
} from "../../../src/dsl/index.ts"
import { networkOf } from "../../../src/dsl/network.ts"
import { tensorsOf } from "../../../src/dsl/tensors.ts"

const gigabyte = 2 ** 30
const forward = (build: (b: Builder) => number): Program => {
  const b = new Builder()
  return { graph: b.build({ out: build(b) }), state: {} }
}

/** SAM's global attention at 1024²: 12 heads, 64 × 64 tokens of 64 features. */
const globalAttention = forward((b) =>
  b.from("image_encoder.blocks.2.attn", () => {
    const [q, k, v] = ["q", "k", "v"].map((name) => b.input(name, [1, 12, 4096, 64])) as [number, number, number]
    return b.relPosAttention(q, k, v, b.parameter("h", [127, 64]), b.parameter("w", [127, 64]), {
      scale: 0.125,
      height: 64,
      width: 64,
    })
  }),
)
/** The same as softmax(q·kᵀ)·v, with its scores. */
const scoresHeld = forward((b) =>
  b.from("image_encoder.blocks.2.attn", () => {
    const [q, k, v] = ["q", "k", "v"].map((name) => b.input(name, [2, 12, 4096, 64])) as [number, number, number]
    return b.matmul(b.softmax(b.matmul(q, k, { transposeB: true })), v)
  }),
)

describe("limits", () => {
  test("tiled global attention fits every device", () => {
    expect(limitProblems(globalAttention)).toEqual([])
    const { peak } = trace(globalAttention, { engine: "webgpu", workgroupBytes: 16_384 })
    // Queries, keys, values and the output at 12 MiB, and 24 MiB of relative terms.
    expect(peak / 2 ** 20).toBeGreaterThan(72)
    expect(peak / 2 ** 20).toBeLessThan(73)
  })

  test("held scores do not, and the message says whose they are, how large, and what would do", () => {
    const problems = limitProblems(scoresHeld)
    expect(problems.map(({ op, limit, bytes, batchThatFits }) => ({ op, limit, bytes, batchThatFits }))).toEqual(
      ["matmul", "softmax"].map((op) => ({
        op,
        limit: "maxStorageBufferBindingSize",
        bytes: 1.5 * gigabyte,
        batchThatFits: 0,
      })),
    )
    const [first] = limitDiagnostics(problems, (from) => ({ file: `${from}`, line: 7, column: 3 }))
    expect(first).toEqual({
      file: "image_encoder.blocks.2.attn",
      line: 7,
      column: 3,
      code: "HS2602",
      severity: "error",
      message:
        "image_encoder.blocks.2.attn: matmul (BatchMatMul) needs a buffer of 1536 MiB, [24,4096,4096], but the device's maxStorageBufferBindingSize is 128 MiB",
      help: "Use a smaller input size, or a device with a maxStorageBufferBindingSize of at least 1,610,612,736 bytes.",
    })
  })

  test("a batch that would fit is named", () => {
    const limits = { ...defaultLimits, maxStorageBufferBindingSize: gigabyte, maxBufferSize: gigabyte }
    const [problem] = limitProblems(scoresHeld, limits)
    expect(problem).toMatchObject({ batchThatFits: 1, allowed: gigabyte })
    const [diagnostic] = limitDiagnostics([problem!], () => ({ file: "spec.ts", line: 1, column: 1 }))
    expect(diagnostic!.help).toContain("A batch of 1 would fit, or a device")
  })

  test("a step on the way counts, not only an op's value", () => {
    // Odd widths have no tiled kernel, so the scores are made.
    const odd = forward((b) => {
      const [q, k, v] = ["q", "k", "v"].map((name) => b.input(name, [1, 12, 4096, 6])) as [number, number, number]
      return b.attention(q, k, v, { scale: 1 })
    })
    expect(limitProblems(odd)).toMatchObject([{ op: "attention", bytes: 12 * 4096 * 4096 * 4 }])
  })

  test("HA-SAM on ViT-B at 1024² segments and trains within what every device has", () => {
    const adapter = (rank: Rank) => residual(sequential(linear(768, rank), relu, linear(rank, 768)))
    const model = pipe(
      samVitB,
      freezeAll,
      adapt(
        schedule(12, (i) => (768 * (i <= 6 ? i : i - 1)) / 96),
        (rank) => [afterAttention(adapter(rank)), inMlpResidual(adapter(rank))],
      ),
    ).data
    const sizes = standardSizes(model)
    const learning = tensorsOf(networkOf(model)).flatMap(({ name, adaptation }) =>
      adaptation === undefined ? [] : [name],
    )
    const options = { learning, loss: bceWithLogits(), optimizer: adam({ rate: 1e-4 }) }
    const programs = [inferenceProgram(model, sizes), trainingProgram(model, sizes, options).program]
    for (const program of programs) {
      expect(limitProblems(program)).toEqual([])
      const { peak, pooled } = trace(program, { engine: "webgpu", workgroupBytes: 16_384 })
      console.log(
        `ViT-B at 1024²: ${(peak / gigabyte).toFixed(2)} GiB at the peak, ${(pooled / gigabyte).toFixed(2)} GiB in tfjs's pool`,
      )
      expect(pooled).toBeLessThan(3 * gigabyte)
    }
  })

  test("maxBufferSize is a limit of its own", () => {
    const limits = { ...defaultLimits, maxStorageBufferBindingSize: 2 * gigabyte, maxBufferSize: gigabyte }
    expect(limitProblems(scoresHeld, limits)[0]).toMatchObject({ limit: "maxBufferSize" })
  })
})
