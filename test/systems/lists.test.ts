/**
 * Upstream's checkpoints load strictly: full-size models have the names and shapes of upstream's own tensors (reference/make_lists.py). Of mobile_sam.pt a
 * file of random values is loaded, too.
 */

import { execFileSync } from "node:child_process"
import { createHash } from "node:crypto"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { expect, test } from "vitest"
import { missFormer } from "../../examples/systems/missformer/index.ts"
import { mobileSam } from "../../examples/systems/mobile-sam/index.ts"
import { samed } from "../../examples/systems/samed/index.ts"
import { samus } from "../../examples/systems/samus/index.ts"
import { swinUnet } from "../../examples/systems/swin-unet/index.ts"
import { transUnet } from "../../examples/systems/transunet/index.ts"
import { bilinear, unet } from "../../examples/systems/unet/index.ts"
import { tensorTable } from "../../src/compiler/analysis/parameters.ts"
import { sizeOf, type Tensors } from "../../src/compiler/ir/graph.ts"
import type { ModelData } from "../../src/dsl/model.ts"
import { modelWeights } from "../../src/runtime/base.ts"
import { save } from "../../src/runtime/weights/index.ts"
import { pythonWith } from "../python/index.ts"
import { codesOf, folder } from "../weights/tools.ts"

const python = pythonWith("torch")

const file = new URL("./reference/mobile_sam.json", import.meta.url)
const list: Readonly<Record<string, readonly number[]>> = JSON.parse(readFileSync(file, "utf8"))

/** In −1…1, other numbers for each tensor. */
const values = (seed: number, size: number): Float32Array => {
  let state = Math.imul(seed + 1, 0x9e3779b9) >>> 0
  return Float32Array.from({ length: size }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return state / 2 ** 31 - 1
  })
}
const all: Tensors = Object.fromEntries(
  Object.entries(list).map(([name, shape], i) => [name, { shape, data: values(i, sizeOf(shape)) }]),
)
const without = ({ [Object.keys(list)[200]!]: _, ...rest }: Tensors): Tensors => rest

const lists: Readonly<Record<string, { readonly tensors: number; readonly sha256: string }>> = JSON.parse(
  readFileSync(new URL("./reference/lists.json", import.meta.url), "utf8"),
)
const systems: Readonly<Record<string, { readonly data: ModelData }>> = {
  "U-Net": unet,
  "U-Net, bilinear": bilinear,
  "Swin-Unet": swinUnet,
  TransUNet: transUnet,
  MISSFormer: missFormer,
  SAMed: samed,
  SAMUS: samus,
}
test.each(Object.entries(lists))("%s has upstream's tensors and no others", (name, { tensors, sha256 }) => {
  const own = tensorTable(systems[name]!.data).filter(({ persistent }) => persistent)
  const lines = own.map(({ name, shape }) => `${name} ${shape.join("x")}`).sort()
  expect(lines.length).toBe(tensors)
  expect(createHash("sha256").update(lines.join("\n")).digest("hex")).toBe(sha256)
})

test("mobile_sam.pt: the model has these tensors and no others", () => {
  const own = tensorTable(mobileSam.data).filter(({ persistent }) => persistent)
  expect(Object.fromEntries(own.map(({ name, shape }) => [name, shape]))).toEqual(list)
})

test("a file of them fills every tensor; one that lacks a tensor is refused", async () => {
  const path = join(await folder(), "mobile_sam.safetensors")
  await save(path, all)
  const { tensors, notes } = await modelWeights(mobileSam.data, path, 0)
  // Nothing but the counters of steps is passed over.
  const counters = Object.keys(list).filter((name) => name.endsWith(".num_batches_tracked"))
  const [note = "", ...others] = notes
  const [, named = "", more] = /^ignored, being constants: (.*?)(?: and (\d+) more)?$/.exec(note) ?? []
  expect(others).toEqual([])
  expect(named.split(", ").every((name) => counters.includes(name))).toBe(true)
  expect(named.split(", ").length + Number(more ?? 0)).toBe(counters.length)
  const bytes = ({ data }: Tensors[string]) => Buffer.from(data.buffer, data.byteOffset, data.byteLength)
  const filled = Object.keys(all).filter((name) => bytes(all[name]!).equals(bytes(tensors[name]!)))
  expect(filled).toEqual(Object.keys(list).filter((name) => !counters.includes(name)))
  await save(path, without(all))
  expect(await codesOf(modelWeights(mobileSam.data, path, 0))).toEqual(["HS3010"])
})

test.skipIf(python === undefined)("so does a .pt that torch.save wrote, counters as whole numbers", async () => {
  const path = join(await folder(), "mobile_sam.pt")
  const script = `import json, sys, torch
tensors = {}
for i, (name, shape) in enumerate(json.load(open(sys.argv[1])).items()):
    counter = name.endswith("num_batches_tracked")
    tensors[name] = torch.tensor(i) if counter else torch.full(shape, float(i))
torch.save(tensors, sys.argv[2])`
  execFileSync(python!, ["-c", script, file.pathname, path])
  const { tensors } = await modelWeights(mobileSam.data, path, 0)
  Object.keys(list).forEach((name, i) => {
    if (!name.endsWith("num_batches_tracked")) expect(new Set(tensors[name]!.data), name).toEqual(new Set([i]))
  })
})
