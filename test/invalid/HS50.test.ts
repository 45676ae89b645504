/** The command line: HS5001, HS5002, HS2503. */
import { mkdtempSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { describe, expect, test } from "vitest"
import { Failed } from "../../src/compiler/diagnostic.ts"
import type { Report } from "../../src/compiler/report/report.ts"
import { backendFor, demandEngine, targetNamed } from "../../src/cli/targets/index.ts"
import { overBudget } from "../../src/cli/budget.ts"
import { pointsOf, promptOf } from "../../src/runtime/trainingOptions.ts"
import { bytes } from "../../src/cli/values.ts"
import { boxes, centre } from "../../src/dsl/index.ts"

const folder = mkdtempSync(join(tmpdir(), "hasam-"))
const file = (name: string, text: string): string => {
  writeFileSync(join(folder, name), text)
  return join(folder, name)
}
const codeOf = async (work: () => unknown): Promise<string> => {
  try {
    await work()
    return "nothing"
  } catch (problem) {
    if (!(problem instanceof Failed)) throw problem
    return problem.diagnostics[0].code
  }
}
const report = { models: [{ name: "a", trainable: 100 }] } as unknown as Report

describe("HS5001: a budget file", () => {
  const over = (name: string, text: string) => overBudget(file(name, text), report, ["a", "b"])
  test.each([
    "{",
    "[]",
    "null",
    "7",
    "{}",
    '{ "a": {} }',
    '{ "a": 7 }',
    '{ "a": { "trainable": "many" } }',
    '{ "a": { "trainable": -1 } }',
    '{ "a": { "trainable": 1.5 } }',
    '{ "a": { "trainable": 1e400 } }',
    '{ "a": { "trainible": 100 } }',
    '{ "c": { "trainable": 100 } }',
    '{ "constructor": { "trainable": 100 } }',
    '{ "__proto__": { "trainable": 100 } }',
    '{ "a": { "__proto__": 100 } }',
    '{ "a": { "trainable": 100, "toString": 1 } }',
    // JSON keeps the last of a name.
    '{ "a": { "trainable": 99 }, "a": { "trainable": 1000 } }',
    '{ "a": { "trainable": 99, "tr\\u0061inable": 1000 } }',
  ])("that is not understood whole: %s", async (text) => {
    expect(await codeOf(() => over("wrong.json", text))).toBe("HS5001")
  })
  test("that is kept, or not", async () => {
    expect(await over("c.json", '\uFEFF{ "a": { "trainable": 100 }, "b": { "bytes": 1, "trainable": 1 } }')).toEqual([])
    const codes = (await over("d.json", '{ "*": { "trainable": 99, "bytes": 399 } }')).map(({ code }) => code)
    expect(codes).toEqual(["HS1019", "HS1019"])
  })
})

test("HS5002: values that an option does not know", async () => {
  expect(await codeOf(() => pointsOf(undefined, { kind: "localizer" }))).toBe("HS5002")
  expect(await codeOf(() => pointsOf("points.csv", centre))).toBe("HS5002")
  expect(promptOf("box", centre, { name: "net", takes: boxes() })).toEqual({ kind: "box" })
  expect(["11GB", "800MiB", "1048576"].map((text) => bytes.read("--memory", text))).toEqual([11 * 2 ** 30, 800 * 2 ** 20, 2 ** 20])
})

test("HS2503: a target that does not exist", async () => {
  for (const name of ["gpu", "constructor", "__proto__", "toString", ""]) {
    expect(await codeOf(() => targetNamed(name))).toBe("HS2503")
    expect(await codeOf(() => backendFor(name))).toBe("HS2503")
    expect(() => demandEngine(name)).toThrow(`there is no target '${name}'`)
  }
  expect(() => targetNamed("webgp")).toThrow("there is no target 'webgp'; do you mean webgpu?")
})
test("HS2503: a target that writes files does not run", async () => {
  expect(await codeOf(() => backendFor("onnx"))).toBe("HS2503")
  expect(() => demandEngine("onnx")).toThrow("'onnx' is not a target that runs")
  expect(() => demandEngine("cpu")).not.toThrow()
})
