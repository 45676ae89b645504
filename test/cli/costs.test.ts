/** Costs are remembered by what they depend on, and by nothing else. */
import { mkdtempSync, readdirSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterEach, beforeEach, expect, test, vi } from "vitest"
import { remembered, thisBuild } from "../../src/cli/costs.ts"
import { tensorTable } from "../../src/compiler/analysis/parameters.ts"
import { costReport } from "../../src/compiler/analysis/summary.ts"
import { conv2d, masks, model, pixels, sequential } from "../../src/dsl/index.ts"
import { defaultsFor } from "../../src/dsl/training.ts"

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "hasam-costs-"))
  vi.stubEnv("HASAM_CACHE", folder)
})
afterEach(() => vi.unstubAllEnvs())

const net = (width: number) => {
  // As it comes from a spec's thread.
  const { resized: _, ...data } = model(sequential(conv2d(3, width, 3, { padding: 1 }), conv2d(width, 1, 1)), {
    name: "net",
    takes: { image: pixels({ size: 16 }) },
    teaches: { masks: masks() },
  }).data
  return structuredClone(data)
}
const counting = () => {
  const real = costReport()
  return vi.fn<typeof real>((...args) => real(...args))
}
const ask = (of: ReturnType<typeof costReport>, data = net(4), more = {}) =>
  of(data, tensorTable(data), { ...defaultsFor(data), ...more })

test("the same again is looked up; another rank, batch, setting or build is computed", () => {
  const of = counting()
  const first = ask(remembered(of, {}, "build"))
  expect(first.flops!.forward).toBeGreaterThan(0)
  expect(ask(remembered(of, {}, "build"))).toEqual(first)
  expect(of).toHaveBeenCalledTimes(1)
  expect(ask(remembered(of, {}, "build"), net(5)).flops).not.toEqual(first.flops)
  ask(remembered(of, {}, "build"), net(4), { batch: 2 })
  ask(remembered(of, { batch: 3 }, "build"))
  ask(remembered(of, {}, "another build"))
  expect(of).toHaveBeenCalledTimes(5)
})

test("a damaged memory is none, nowhere to write does no harm, and errors are not remembered", () => {
  const of = counting()
  const first = ask(remembered(of, {}, "build"))
  const [file] = readdirSync(join(folder, "costs"))
  writeFileSync(join(folder, "costs", file!), "{")
  expect(ask(remembered(of, {}, "build"))).toEqual(first)
  vi.stubEnv("HASAM_CACHE", join(folder, "costs", file!))
  expect(ask(remembered(of, {}, "build"))).toEqual(first)
  expect(of).toHaveBeenCalledTimes(3)
  const failing = remembered(
    () => {
      throw new Error("no")
    },
    "failing",
    "build",
  )
  expect(() => ask(failing)).toThrow("no")
  expect(() => ask(failing)).toThrow("no")
})

test("from sources nothing is remembered: they change without another build", () => {
  expect(thisBuild("file:///hasam/src/cli/costs.ts")).toBeUndefined()
  expect(thisBuild()).toMatch(/^[0-9a-f]{64}$/)
})
