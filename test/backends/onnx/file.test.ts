/** Files for others: run by a plain onnxruntime, and accepted by onnx's own checker. */
import { execFileSync } from "node:child_process"
import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { InferenceSession, Tensor as OrtTensor } from "onnxruntime-node"
import { afterAll, describe, expect, test } from "vitest"
import { type OnnxFile, onnxFiles } from "../../../src/backends/onnx/file.ts"
import { Builder } from "../../../src/compiler/ir/builder.ts"
import { evaluate } from "../../../src/compiler/ir/evaluate/index.ts"
import type { Tensors } from "../../../src/compiler/ir/graph.ts"
import { tensor } from "../tfjs/programs.ts"
import { forward, inputs, weights } from "../tfjs/sam.ts"
import { difference } from "./session.ts"

const folder = mkdtempSync(join(tmpdir(), "hasam-onnx-"))
afterAll(() => rmSync(folder, { recursive: true }))
const write = (files: readonly OnnxFile[]): string => {
  for (const { name, chunks } of files) writeFileSync(join(folder, name), Buffer.concat(chunks))
  return join(folder, files.at(-1)!.name)
}
const run = async (path: string, fed: Tensors): Promise<Tensors> => {
  const session = await InferenceSession.create(path, { logSeverityLevel: 3 })
  const feeds = session.inputNames.map((name) => [name, new OrtTensor("float32", fed[name]!.data, fed[name]!.shape)])
  const results = await session.run(Object.fromEntries(feeds))
  await session.release()
  const plain = ([name, { dims, data }]: [string, OrtTensor]) => [name, { shape: dims, data: data as Float32Array }]
  return Object.fromEntries(Object.entries(results as Record<string, OrtTensor>).map(plain))
}
/** A Python with the package onnx, of HASAM_PYTHON or of the path. */
const python = [process.env["HASAM_PYTHON"], "python3"].find((path) => {
  try {
    if (path !== undefined) execFileSync(path, ["-c", "import onnx"], { stdio: "ignore" })
    return path !== undefined
  } catch {
    return false
  }
})
if (python === undefined)
  console.warn("skipped: no Python with the package onnx; name one in HASAM_PYTHON to check files with it")

describe.each([
  ["weights inside", { name: "inside.onnx" }],
  ["weights beside", { name: "beside.onnx", external: true }],
] as const)("a small SAM, %s", (_, options) => {
  const files = onnxFiles(forward, weights, { ...options, doc: "a small SAM", metadata: { "hasam.model": "small" } })
  const path = write(files)

  test("runs elsewhere, with the reference's values", async () => {
    const actual = await run(path, inputs)
    const all = { ...weights, ...inputs }
    const expected = evaluate(forward.graph, Object.fromEntries(Object.entries(all).map(([k, { data }]) => [k, data])))
    expect(Object.keys(actual)).toEqual(forward.graph.outputs.map(({ name }) => name))
    for (const [name, { data }] of Object.entries(expected))
      expect(difference(actual[name]!.data, data), name).toBeLessThan(1e-5)
  })
  test("takes the program's inputs, no weights", async () => {
    const session = await InferenceSession.create(path)
    expect([...session.inputNames].sort()).toEqual(["image", "point_coords", "point_labels"])
    await session.release()
  })
  test.skipIf(python === undefined)("is accepted by onnx.checker", () => {
    const check =
      "import onnx, sys; onnx.checker.check_model(sys.argv[1], full_check=True); m = onnx.load(sys.argv[1]); print(m.doc_string, [(p.key, p.value) for p in m.metadata_props])"
    expect(execFileSync(python!, ["-c", check, path], { encoding: "utf8" }).trim()).toBe(
      "a small SAM [('hasam.model', 'small')]",
    )
  })
})

test("each tensor of a file beside begins on a page", () => {
  const [data, model] = onnxFiles(forward, weights, { external: true })
  expect([data!.name, model!.name]).toEqual(["model.onnx.data", "model.onnx"])
  const sizes = [0]
  for (const { length } of data!.chunks) sizes.push(sizes.at(-1)! + length)
  const used = forward.graph.nodes.filter(({ op }) => op === "parameter")
  expect(sizes.filter((start) => start % 4096 === 0).length).toBeGreaterThanOrEqual(used.length)
  expect(statSync(write([data!])).size).toBe(sizes.at(-1))
})
test("the same weights give the same bytes", () => {
  const [a] = onnxFiles(forward, weights)
  const [b] = onnxFiles(forward, Object.fromEntries(Object.entries(weights).reverse()))
  expect(Buffer.concat(a!.chunks).equals(Buffer.concat(b!.chunks))).toBe(true)
})
test("a weight that is missing, and one of another shape", () => {
  const b = new Builder()
  const program = { graph: b.build({ y: b.add(b.input("x", [2]), b.parameter("p", [2])) }), state: {} }
  expect(() => onnxFiles(program, {})).toThrow('HS2606: "p" was not given')
  expect(() => onnxFiles(program, { p: tensor([1, 2], [1, 2]) })).toThrow("has shape [1,2]")
})
test("an output that is an input, or a weight, or another output", async () => {
  const b = new Builder()
  const [x, p] = [b.input("x", [2]), b.parameter("p", [2])]
  const y = b.add(x, p)
  const program = { graph: b.build({ same: x, weight: p, y, again: y, twice: b.scale(y, 2) }), state: {} }
  const path = write(onnxFiles(program, { p: tensor([2], [3, 4]) }, { name: "outputs.onnx" }))
  const actual = await run(path, { x: tensor([2], [1, 2]) })
  expect(Object.entries(actual).map(([name, { data }]) => [name, ...data])).toEqual([
    ["same", 1, 2],
    ["weight", 3, 4],
    ["y", 4, 6],
    ["again", 4, 6],
    ["twice", 8, 12],
  ])
})
