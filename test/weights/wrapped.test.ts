/** Whole models with LoRA around their layers: the cause is named, and `weights convert` makes them fit. */
import { mkdtempSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { expect, test } from "vitest"
import { tensorTable } from "../../src/compiler/analysis/parameters.ts"
import { Failed } from "../../src/compiler/diagnostic.ts"
import type { Tensors } from "../../src/compiler/ir/graph.ts"
import { adapt, lora, pipe, sam, uniform } from "../../src/dsl/index.ts"
import { initialValues } from "../../src/runtime/initial.ts"
import { convert } from "../../src/runtime/weights/convert.ts"
import { load, save } from "../../src/runtime/weights/index.ts"
import { merged } from "../../src/runtime/weights/merge.ts"
import { tinyOptions } from "../tinySam.ts"

const folder = mkdtempSync(join(tmpdir(), "hasam-wrapped-"))
const at = (name: string) => join(folder, name)
const base = sam({ ...tinyOptions, depth: 2, globalBlocks: [0, 1] })
const onLayer = pipe(
  base,
  adapt(uniform(2, 3), (rank) => [lora({ rank, on: ["mlp.lin1"], alpha: 6 })]),
).data
const onSlices = pipe(
  base,
  adapt(uniform(2, 2), (rank) => [lora({ rank, on: ["q", "v"] })]),
).data
type Data = typeof onLayer

const expectedOf = (model: Data) => tensorTable(model).filter(({ persistent }) => persistent)
/** Values, none of them zero: fresh updates are. */
const valuesOf = (model: Data): Tensors =>
  Object.fromEntries(
    tensorTable(model).map((tensor, t) => [
      tensor.name,
      { shape: tensor.shape, data: initialValues(tensor, 1).map((x, i) => x + 0.01 * (((i * 7 + t) % 13) - 6)) },
    ]),
  )
const wrap = (tensors: Tensors, model: Data, rename: (name: string) => string): Tensors =>
  Object.fromEntries(expectedOf(model).map(({ name }) => [rename(name), tensors[name]!]))

const peft = (name: string) =>
  `base_model.model.${name
    .replace(/\.lora_([ab])\.weight$/, (_, half: string) => `.lora_${half.toUpperCase()}.default.weight`)
    .replace(/\.lin1\.(weight|bias)$/, ".lin1.base_layer.$1")}`
const loralib = (name: string) =>
  name.replace(/\.lora_([ab])\.weight$/, (_, half: string) => `.lora_${half.toUpperCase()}`)
const samed = (name: string) =>
  `sam.${name.replace(/\.qkv\.(weight|bias)$/, ".qkv.qkv.$1").replace(/\.lora_([ab])_([qkv])\.weight$/, ".linear_$1_$2.weight")}`

test.each([
  ["peft", onLayer, peft, 6],
  ["loralib", onLayer, loralib, 6],
  ["SAMed", onSlices, samed, 2],
] as const)("%s: told, renamed for a spec, and put into the base", async (library, model, rename, alpha) => {
  const tensors = valuesOf(model)
  const path = at(`${library}.safetensors`)
  await save(path, wrap(tensors, model, rename))

  const refused = await load(expectedOf(base.data), path).catch((error: unknown) => error)
  expect(refused).toBeInstanceOf(Failed)
  expect(String((refused as Failed).diagnostics[0].help)).toContain(`LoRA that ${library} put around its layers`)
  expect(String((refused as Failed).diagnostics[0].help)).toContain("hasam weights convert")

  await convert(path, at("plain.safetensors"), "segment-anything")
  const plain = await load(expectedOf(model), at("plain.safetensors"))
  for (const { name } of expectedOf(model)) expect(plain.tensors[name]!.data, name).toEqual(tensors[name]!.data)

  const { notes } = await convert(path, at("merged.safetensors"), "segment-anything", { loraAlpha: alpha })
  expect(notes.join()).toMatch(/updates of .* put into the base/)
  const inBase = await load(expectedOf(base.data), at("merged.safetensors"))
  for (const [name, { data }] of Object.entries(merged(model, tensors))) {
    const found = inBase.tensors[name]?.data
    if (found === undefined) continue
    const apart = data.reduce((most, x, i) => Math.max(most, Math.abs(x - found[i]!)), 0)
    expect(apart, name).toBeLessThan(1e-6)
  }
})

test("alpha without any LoRA, and an update of no layer, are HS3018", async () => {
  const tensors = valuesOf(base.data)
  await save(
    at("base.safetensors"),
    wrap(tensors, base.data, (name) => name),
  )
  await expect(convert(at("base.safetensors"), at("x.safetensors"), "keep", { loraAlpha: 4 })).rejects.toThrow("HS3018")
  const stray = {
    ...wrap(tensors, base.data, peft),
    "base_model.model.head.lora_A.default.weight": { shape: [1, 1], data: Float32Array.of(1) },
  }
  await save(at("stray.safetensors"), stray)
  await expect(convert(at("stray.safetensors"), at("x.safetensors"), "keep", { loraAlpha: 4 })).rejects.toThrow(
    "head.lora_A",
  )
})
