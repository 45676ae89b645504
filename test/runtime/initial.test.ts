import { describe, expect, it } from "vitest"
import { samVitB } from "../../src/dsl/index.ts"
import { networkOf } from "../../src/dsl/network.ts"
import { tensorsOf } from "../../src/dsl/tensors.ts"
import { initialValues } from "../../src/runtime/initial.ts"

const of = (name: string, init: Parameters<typeof initialValues>[0]["init"], n: number, seed = 0) =>
  initialValues({ name, shape: [n], init }, seed)
const mean = (x: Float32Array) => x.reduce((a, b) => a + b, 0) / x.length
const deviation = (x: Float32Array) => {
  const m = mean(x)
  return Math.sqrt(x.reduce((a, b) => a + (b - m) ** 2, 0) / x.length)
}
/** Of two lists of values, both with mean 0. */
const correlation = (x: Float32Array, y: Float32Array) =>
  x.reduce((sum, a, i) => sum + a * y[i]!, 0) / x.length / (deviation(x) * deviation(y))

describe("initial values", () => {
  const n = 1e5

  it("are uniform in ±bound", () => {
    const x = of("a.weight", { uniform: 0.25 }, n)
    expect(Math.abs(mean(x))).toBeLessThan(0.002)
    expect(Math.abs(deviation(x) - 0.25 / Math.sqrt(3))).toBeLessThan(0.001)
    expect(Math.min(...x.slice(0, 5e4))).toBeGreaterThanOrEqual(-0.25)
    expect(Math.max(...x.slice(0, 5e4))).toBeLessThan(0.25)
    const counts = new Array<number>(16).fill(0)
    for (const v of x) counts[Math.floor(((v + 0.25) / 0.5) * 16)]! += 1
    for (const count of counts) expect(Math.abs(count - n / 16)).toBeLessThan(400) // 5 deviations
  })

  it("are normal with the deviation asked for", () => {
    const x = of("a.weight", { normal: 2 }, n)
    expect(Math.abs(mean(x))).toBeLessThan(0.03)
    expect(Math.abs(deviation(x) - 2)).toBeLessThan(0.02)
    const within = x.filter((v) => Math.abs(v) < 2).length / n
    expect(Math.abs(within - 0.6827)).toBeLessThan(0.01)
  })

  it("are unrelated for neighbouring names, seeds and indices", () => {
    const x = of("blocks.0.0.weight", { uniform: 1 }, n)
    const others = [
      of("blocks.1.0.weight", { uniform: 1 }, n),
      of("blocks.0.0.weight", { uniform: 1 }, n, 1),
      of("blocks.0.0.weight", { uniform: 1 }, n + 1).subarray(1),
    ]
    for (const y of others) expect(Math.abs(correlation(x, y))).toBeLessThan(0.015)
  })

  it("are constants where constants are asked for", () => {
    expect(of("b", { fill: 1.5 }, 3)).toEqual(Float32Array.of(1.5, 1.5, 1.5))
    expect(of("b", { values: [1, 2, 3] }, 3)).toEqual(Float32Array.of(1, 2, 3))
  })

  it("never change: a seed means the same model for ever", () => {
    expect([...of("image_encoder.blocks.0.attn.qkv.weight", { uniform: 1 }, 4, 7)]).toMatchInlineSnapshot(`
      [
        0.35000860691070557,
        -0.891218900680542,
        -0.4811699390411377,
        -0.5527812242507935,
      ]
    `)
    expect([...of("mask_decoder.iou_token.weight", { normal: 1 }, 4, 7)]).toMatchInlineSnapshot(`
      [
        -0.11229079961776733,
        -1.4437981843948364,
        0.22855156660079956,
        -0.6178697347640991,
      ]
    `)
  })

  it("of SAM ViT-B are drawn in seconds", { timeout: 20_000 }, () => {
    const tensors = tensorsOf(networkOf(samVitB.data))
    const start = process.cpuUsage()
    const drawn = tensors.reduce((sum, tensor) => sum + initialValues(tensor, 0).length, 0)
    expect(drawn).toBe(93_735_472 + 256 + 6)
    expect(process.cpuUsage(start).user / 1000).toBeLessThan(10_000)
  })
})
