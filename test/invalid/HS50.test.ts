/** The command line: HS5001, HS5002, HS2503. */
import { mkdtempSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { describe, expect, test } from "vitest"
import { Failed } from "../../src/compiler/diagnostic.ts"
import type { Report } from "../../src/compiler/report/report.ts"
import { backendFor, demandEngine, targetNamed } from "../../src/cli/targets/index.ts"
import { overBudget } from "../../src/cli/budget.ts"
import { bytesOf, dataOptionsOf, numberOf, pointsOf, promptOf } from "../../src/cli/trainingOptions.ts"
import { centre } from "../../src/dsl/index.ts"

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
  test("that is not JSON, or not a budget", async () => {
    expect(await codeOf(() => overBudget(file("a.json", "{"), report))).toBe("HS5001")
    expect(await codeOf(() => overBudget(file("b.json", '{ "a": { "trainable": "many" } }'), report))).toBe("HS5001")
  })
  test("that is kept, or not", async () => {
    expect(await overBudget(file("c.json", '{ "a": { "trainable": 100 } }'), report)).toEqual([])
    const over = await overBudget(file("d.json", '{ "*": { "trainable": 99, "bytes": 399 } }'), report)
    expect(over.map(({ code }) => code)).toEqual(["HS1019", "HS1019"])
  })
})

test("HS5002: values that an option does not know", async () => {
  expect(await codeOf(() => promptOf("middle", centre))).toBe("HS5002")
  expect(await codeOf(() => numberOf("--rate", "fast"))).toBe("HS5002")
  expect(await codeOf(() => dataOptionsOf({ layout: "dicom" }))).toBe("HS5002")
  expect(await codeOf(() => pointsOf(undefined, { kind: "localizer" }))).toBe("HS5002")
  expect(await codeOf(() => bytesOf("much"))).toBe("HS5002")
  expect(promptOf("box", centre)).toEqual({ kind: "box" })
  expect(numberOf("--rate", "1e-3")).toBe(1e-3)
  expect([bytesOf("11GB"), bytesOf("800MiB"), bytesOf("1024")]).toEqual([11 * 2 ** 30, 800 * 2 ** 20, 1024])
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
