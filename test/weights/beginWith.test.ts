/**
 * First values from upstream's checkpoints: files of random values under upstream's exact names (Swin's and ViT's lists, torchvision's ResNet-34, segment-anything's), brought
 * into small systems by the maps in examples/systems, and what of names and shapes is told. Full-size lists are matched without their numbers.
 */
import { execFileSync } from "node:child_process"
import { mkdtempSync, readFileSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { describe, expect, test } from "vitest"
import * as h2FormerOf from "../../examples/systems/h2former/index.ts"
import { medSa } from "../../examples/systems/medsa/index.ts"
import { medSa as smallMedSa } from "../../examples/systems/small.ts"
import * as swinUnetOf from "../../examples/systems/swin-unet/index.ts"
import * as transUnetOf from "../../examples/systems/transunet/index.ts"
import { tensorTable } from "../../src/compiler/analysis/parameters.ts"
import { packageRoot } from "../../src/compiler/frontend/package.ts"
import { sizeOf, type Tensors } from "../../src/compiler/ir/graph.ts"
import { masks, model, pixels, sam, samVitB } from "../../src/dsl/index.ts"
import type { ModelData } from "../../src/dsl/model.ts"
import { beginWith, matched } from "../../src/runtime/weights/beginWith.ts"
import { withCheckpoint } from "../../src/runtime/weights/checkpoint.ts"
import { save } from "../../src/runtime/weights/index.ts"
import { readNames } from "../../src/runtime/weights/names.ts"
import { turns } from "../../src/runtime/weights/turn.ts"
import { ran } from "../cli/session.ts"
import { pythonWith } from "../python/index.ts"
import { npz } from "./npz.ts"
import { noise, problems } from "./tools.ts"

const folder = mkdtempSync(join(tmpdir(), "hasam-names-"))
const mapOf = (system: string) => readNames(join(packageRoot, "examples/systems", system, "names.json"))
type List = Readonly<Record<string, readonly number[]>>
const valuesOf = (list: List): Tensors =>
  Object.fromEntries(Object.entries(list).map(([name, shape], i) => [name, noise(shape, i + 1)]))
const count = (n: number) => Array.from({ length: n }, (_, i) => i)
const both = (name: string, out: readonly number[], bias = out[0]!): List => ({
  [`${name}.weight`]: out,
  [`${name}.bias`]: [bias],
})

/** swin_tiny_patch4_window7_224.pth, for widths from `embed` on. */
const swin = (embed: number, heads: readonly number[], window: number, side: number): List => {
  const list: Record<string, readonly number[]> = {
    ...both("patch_embed.proj", [embed, 3, 4, 4]),
    ...both("patch_embed.norm", [embed]),
  }
  const depths = [2, 2, 6, 2]
  for (const [i, depth] of depths.entries()) {
    const dim = embed * 2 ** i
    const grid = side / 4 / 2 ** i
    for (const j of count(depth)) {
      const at = `layers.${i}.blocks.${j}`
      if (j % 2 === 1 && grid > window) list[`${at}.attn_mask`] = [(grid / window) ** 2, window ** 2, window ** 2]
      Object.assign(list, both(`${at}.norm1`, [dim]), {
        [`${at}.attn.relative_position_bias_table`]: [(2 * window - 1) ** 2, heads[i]!],
        [`${at}.attn.relative_position_index`]: [window ** 2, window ** 2],
      })
      Object.assign(list, both(`${at}.attn.qkv`, [3 * dim, dim]), both(`${at}.attn.proj`, [dim, dim]))
      Object.assign(list, both(`${at}.norm2`, [dim]))
      Object.assign(list, both(`${at}.mlp.fc1`, [4 * dim, dim]), both(`${at}.mlp.fc2`, [dim, 4 * dim]))
    }
    if (i < 3)
      Object.assign(list, both(`layers.${i}.downsample.norm`, [4 * dim]), {
        [`layers.${i}.downsample.reduction.weight`]: [2 * dim, 4 * dim],
      })
  }
  return { ...list, ...both("norm", [8 * embed]), ...both("head", [1000, 8 * embed]) }
}

interface Vit {
  readonly width: number
  readonly heads: number
  readonly layers: number
  readonly mlp: number
  readonly root: number
  readonly units: readonly number[]
  readonly positions: number
}
/** R50+ViT-B_16.npz: flax's names, inputs before outputs. */
const vit = ({ width, heads, layers, mlp, root, units, positions }: Vit): List => {
  const list: Record<string, readonly number[]> = {
    cls: [1, 1, width],
    "conv_root/kernel": [7, 7, 3, root],
    "gn_root/scale": [1, 1, 1, root],
    "gn_root/bias": [1, 1, 1, root],
    "embedding/kernel": [1, 1, 16 * root, width],
    "embedding/bias": [width],
    "head/kernel": [width, 21843],
    "head/bias": [21843],
    "pre_logits/kernel": [width, width],
    "pre_logits/bias": [width],
    "Transformer/posembed_input/pos_embedding": [1, positions, width],
    "Transformer/encoder_norm/scale": [width],
    "Transformer/encoder_norm/bias": [width],
  }
  const head = width / heads
  for (const i of count(layers)) {
    const at = `Transformer/encoderblock_${i}`
    for (const norm of ["LayerNorm_0", "LayerNorm_2"])
      Object.assign(list, { [`${at}/${norm}/scale`]: [width], [`${at}/${norm}/bias`]: [width] })
    const attention = `${at}/MultiHeadDotProductAttention_1`
    for (const name of ["query", "key", "value"])
      Object.assign(list, {
        [`${attention}/${name}/kernel`]: [width, heads, head],
        [`${attention}/${name}/bias`]: [heads, head],
      })
    Object.assign(list, { [`${attention}/out/kernel`]: [heads, head, width], [`${attention}/out/bias`]: [width] })
    Object.assign(list, {
      [`${at}/MlpBlock_3/Dense_0/kernel`]: [width, mlp],
      [`${at}/MlpBlock_3/Dense_0/bias`]: [mlp],
      [`${at}/MlpBlock_3/Dense_1/kernel`]: [mlp, width],
      [`${at}/MlpBlock_3/Dense_1/bias`]: [width],
    })
  }
  const norm = (name: string, width: number) => ({
    [`${name}/scale`]: [1, 1, 1, width],
    [`${name}/bias`]: [1, 1, 1, width],
  })
  for (const [b, depth] of units.entries())
    for (const u of count(depth)) {
      const at = `block${b + 1}/unit${u + 1}`
      const [middle, out] = [root * 2 ** b, 4 * root * 2 ** b]
      const inside = u > 0 ? out : b === 0 ? root : out / 2
      list[`${at}/conv1/kernel`] = [1, 1, inside, middle]
      list[`${at}/conv2/kernel`] = [3, 3, middle, middle]
      list[`${at}/conv3/kernel`] = [1, 1, middle, out]
      Object.assign(list, norm(`${at}/gn1`, middle), norm(`${at}/gn2`, middle), norm(`${at}/gn3`, out))
      if (u === 0) Object.assign(list, { [`${at}/conv_proj/kernel`]: [1, 1, inside, out] }, norm(`${at}/gn_proj`, out))
    }
  return list
}

/** torchvision's resnet34, for widths from `width` on; files of older versions have no counts. */
const resnet34 = (width: number): List => {
  const norm = (name: string, n: number): List => ({
    ...both(name, [n]),
    [`${name}.running_mean`]: [n],
    [`${name}.running_var`]: [n],
  })
  const list: Record<string, readonly number[]> = { "conv1.weight": [width, 3, 7, 7], ...norm("bn1", width) }
  for (const [s, depth] of [3, 4, 6, 3].entries())
    for (const k of count(depth)) {
      const [at, out] = [`layer${s + 1}.${k}`, width * 2 ** s]
      const inside = k === 0 && s > 0 ? out / 2 : out
      Object.assign(list, { [`${at}.conv1.weight`]: [out, inside, 3, 3] }, norm(`${at}.bn1`, out))
      Object.assign(list, { [`${at}.conv2.weight`]: [out, out, 3, 3] }, norm(`${at}.bn2`, out))
      if (inside !== out)
        Object.assign(list, { [`${at}.downsample.0.weight`]: [out, inside, 1, 1] }, norm(`${at}.downsample.1`, out))
    }
  return { ...list, ...both("fc", [1000, 8 * width]) }
}
const shapesOf = ({ data }: { readonly data: ModelData }): List =>
  Object.fromEntries(
    tensorTable(data).flatMap(({ name, shape, persistent }) => (persistent ? [[name, shape] as const] : [])),
  )

const square = (size: number) => ({
  ...{ name: "system", takes: { image: pixels({ size }) }, teaches: { masks: masks() } },
})
const smallSwin = model(
  swinUnetOf.network({
    ...{ imgSize: 64, numClasses: 1, embedDim: 8, depths: [2, 2, 2, 2], numHeads: [1, 2, 4, 8], windowSize: 2 },
  }),
  square(64),
)
const smallVit = { width: 32, heads: 2, layers: 2, mlp: 128, root: 32, units: [1, 2, 1], positions: 17 }
const smallTransUnet = (imgSize: number) =>
  model(
    transUnetOf.network({
      ...{ imgSize, numClasses: 1, hiddenSize: 32, numHeads: 2, numLayers: 2, widthFactor: 0.5 },
      ...{ resnetLayers: [1, 2, 1], headChannels: 32, decoderChannels: [32, 16, 16, 8] },
    }),
    square(imgSize),
  )
const smallH2Former = model(h2FormerOf.network({ imageSize: 64, numClasses: 1, width: 8 }), square(64))

describe("small files fill small systems", () => {
  test("Swin-Unet: encoder and decoder from Swin's encoder", async () => {
    const file = join(folder, "swin.safetensors")
    const theirs = valuesOf(swin(8, [1, 2, 4, 8], 2, 64))
    await save(file, theirs)
    const { tensors, taken, initial, leftOut } = await beginWith(smallSwin.data, file, await mapOf("swin-unet"), 1)
    expect(Object.keys(tensors).sort()).toEqual(Object.keys(shapesOf(smallSwin)).sort())
    expect(taken + initial).toBe(Object.keys(tensors).length)
    const same = (ours: string, name: string) => expect(tensors[ours]!.data, ours).toEqual(theirs[name]!.data)
    same("swin_unet.layers.0.blocks.1.attn.qkv.weight", "layers.0.blocks.1.attn.qkv.weight")
    same("swin_unet.layers_up.3.blocks.1.attn.qkv.weight", "layers.0.blocks.1.attn.qkv.weight")
    same("swin_unet.layers_up.2.blocks.0.mlp.fc2.bias", "layers.1.blocks.0.mlp.fc2.bias")
    same("swin_unet.layers_up.1.blocks.1.norm2.weight", "layers.2.blocks.1.norm2.weight")
    same("swin_unet.layers.3.blocks.1.attn.proj.weight", "layers.3.blocks.1.attn.proj.weight")
    same("swin_unet.layers.2.downsample.reduction.weight", "layers.2.downsample.reduction.weight")
    same("swin_unet.norm.weight", "norm.weight")
    // Every tensor of the file is somewhere, but for what is left out.
    const used = new Set(Object.values(tensors).map(({ data }) => data.slice(0, 4).join()))
    const gone = Object.entries(theirs).filter(([, { data }]) => !used.has(data.slice(0, 4).join()))
    expect(gone.length).toBe(leftOut)
    expect(gone.every(([name]) => /^head|attn_mask|position_index|^layers\.2\.blocks\.[2-5]/.test(name))).toBe(true)
    // Those tables keep the spec's own numbers.
    expect(tensors["swin_unet.layers.0.blocks.0.attn.relative_position_index"]!.data.every(Number.isInteger)).toBe(true)
  })

  test("TransUNet: flax's arrays turned, the class's position dropped", async () => {
    const file = join(folder, "vit.npz")
    const { "head/kernel": _, "head/bias": __, ...list } = vit(smallVit)
    const theirs = valuesOf(list)
    writeFileSync(file, await npz(theirs))
    const { tensors, taken } = await beginWith(smallTransUnet(64).data, file, await mapOf("transunet"), 1)
    expect(taken).toBe(Object.keys(list).length - 3)
    const theirsAt = (name: string, ...at: readonly number[]) => {
      const { shape, data } = theirs[name]!
      return data[at.reduce((sum, i, axis) => sum * shape[axis]! + i, 0)]
    }
    const oursAt = (name: string, ...at: readonly number[]) => {
      const { shape, data } = tensors[name]!
      return data[at.reduce((sum, i, axis) => sum * shape[axis]! + i, 0)]
    }
    const attention = "Transformer/encoderblock_1/MultiHeadDotProductAttention_1"
    const layer = "transformer.encoder.layer.1"
    const hybrid = "transformer.embeddings.hybrid_model"
    for (const [o, i] of [
      [0, 0],
      [17, 5],
      [31, 30],
    ] as const) {
      const [head, within] = [Math.floor(o / 16), o % 16]
      expect(oursAt(`${layer}.attn.query.weight`, o, i)).toBe(theirsAt(`${attention}/query/kernel`, i, head, within))
      expect(oursAt(`${layer}.attn.value.bias`, o)).toBe(theirsAt(`${attention}/value/bias`, head, within))
      expect(oursAt(`${layer}.attn.out.weight`, i, o)).toBe(theirsAt(`${attention}/out/kernel`, head, within, i))
      expect(oursAt(`${layer}.ffn.fc1.weight`, 4 * o, i)).toBe(
        theirsAt("Transformer/encoderblock_1/MlpBlock_3/Dense_0/kernel", i, 4 * o),
      )
      expect(oursAt(`${hybrid}.body.block2.unit1.conv2.weight`, o, i, 2, 1)).toBe(
        theirsAt("block2/unit1/conv2/kernel", 2, 1, i, o),
      )
      expect(oursAt("transformer.embeddings.patch_embeddings.weight", o, i, 0, 0)).toBe(
        theirsAt("embedding/kernel", 0, 0, i, o),
      )
    }
    expect(tensors[`${hybrid}.body.block1.unit1.downsample.weight`]!.shape).toEqual([128, 32, 1, 1])
    expect(oursAt(`${hybrid}.body.block1.unit1.downsample.weight`, 100, 7, 0, 0)).toBe(
      theirsAt("block1/unit1/conv_proj/kernel", 0, 0, 7, 100),
    )
    expect(tensors[`${hybrid}.body.block1.unit1.gn_proj.weight`]!.data).toEqual(
      theirs["block1/unit1/gn_proj/scale"]!.data,
    )
    expect(oursAt("transformer.embeddings.position_embeddings", 0, 3, 9)).toBe(
      theirsAt("Transformer/posembed_input/pos_embedding", 0, 4, 9),
    )
  })

  test("TransUNet of another image size: positions are interpolated, corner on corner", async () => {
    const file = join(folder, "vit.npz")
    const { tensors } = await beginWith(smallTransUnet(112).data, file, await mapOf("transunet"), 1)
    const ours = tensors["transformer.embeddings.position_embeddings"]!
    expect(ours.shape).toEqual([1, 49, 32])
    const theirs = await withCheckpoint(file, ({ tensors: all, read }) =>
      read(all.find(({ name }) => name.endsWith("pos_embedding"))!),
    )
    const at = (y: number, x: number) => theirs.data[(1 + y * 4 + x) * 32]!
    // Row 3 of 7 is 1.5 of 4, column 1 is 0.5.
    const half = (a: number, b: number) => (a + b) / 2
    expect(ours.data[(3 * 7 + 1) * 32]).toBeCloseTo(half(half(at(1, 0), at(1, 1)), half(at(2, 0), at(2, 1))), 6)
    expect(ours.data[48 * 32]).toBe(at(3, 3))
    expect(ours.data[0]).toBe(at(0, 0))
  })

  test("H2Former: the ResNet", async () => {
    const file = join(folder, "resnet34.safetensors")
    const theirs = valuesOf(resnet34(8))
    await save(file, theirs)
    const { tensors, taken, leftOut } = await beginWith(smallH2Former.data, file, await mapOf("h2former"), 1)
    expect([taken, leftOut]).toEqual([Object.keys(theirs).length - 2, 2])
    for (const [name, { data }] of Object.entries(theirs))
      if (!name.startsWith("fc.")) expect(tensors[name]!.data, name).toEqual(data)
  })

  test("Med-SA: SAM, but for what has another name", async () => {
    const file = join(folder, "sam.safetensors")
    // The table of positions is upstream's, larger than the small system's grid.
    const config = {
      ...{ imageSize: 128, patchSize: 8, width: 32, depth: 2, heads: 2, windowSize: 4, globalBlocks: [1], mlpRatio: 4 },
      ...{ outChannels: 32, maskChannels: 8 },
      decoder: { depth: 2, heads: 2, mlpWidth: 32, iouWidth: 32, iouDepth: 3, maskTokens: 4 },
    } as const
    const theirs = valuesOf(
      Object.fromEntries(Object.entries(shapesOf(sam(config))).filter(([name]) => !name.startsWith("pixel_"))),
    )
    await save(file, theirs)
    const { tensors, taken, leftOut } = await beginWith(smallMedSa.data, file, await mapOf("medsa"), 1)
    expect([taken + leftOut, leftOut]).toEqual([Object.keys(theirs).length, 2 * 2 + 2 * 4])
    const same = "image_encoder.blocks.1.attn.qkv.weight"
    expect(tensors[same]!.data).toEqual(theirs[same]!.data)
  })
})

/** As a reader of the file would give it, without numbers. */
const listed = (list: List) =>
  Object.entries(list).map(([name, shape]) => ({ name, shape, dtype: "F32" as const, at: 0, bytes: 4 * sizeOf(shape) }))
const fullSize: readonly (readonly [name: string, system: string, data: ModelData, list: List])[] = [
  ["Swin-Unet, swin_tiny", "swin-unet", swinUnetOf.swinUnet.data, swin(96, [3, 6, 12, 24], 7, 224)],
  [
    "TransUNet, R50+ViT-B_16",
    "transunet",
    transUnetOf.transUnet.data,
    vit({ width: 768, heads: 12, layers: 12, mlp: 3072, root: 64, units: [3, 4, 9], positions: 197 }),
  ],
  ["H2Former, resnet34", "h2former", h2FormerOf.h2former.data, resnet34(64)],
  [
    "Med-SA, sam_vit_b",
    "medsa",
    medSa.data,
    Object.fromEntries(Object.entries(shapesOf(samVitB)).filter(([name]) => !name.startsWith("pixel_"))),
  ],
]
test.each(fullSize)(
  "%s: each tensor of the full-size list has its place and its shape",
  async (_, system, data, list) => {
    const table = tensorTable(data).filter(({ persistent }) => persistent)
    const { sources, problems: found } = matched(table, listed(list), await mapOf(system), "file")
    expect(found).toEqual([])
    for (const [name, { stored, as }] of sources) {
      const { shape } = table.find((tensor) => tensor.name === name)!
      if (as === undefined) expect(stored.shape, name).toEqual(shape)
      else if (as !== "positions") expect(sizeOf(stored.shape), name).toBe(sizeOf(shape))
    }
    expect(sources.size).toBeGreaterThan(100)
  },
)
test("turns refuse what does not become the model's shape", () => {
  const tensor = { shape: [2, 3, 4], data: new Float32Array(24) }
  expect(turns.linear(tensor, [4, 6])?.shape).toEqual([4, 6])
  expect(turns.linear(tensor, [8, 3])).toBeUndefined()
  expect(turns.linear(tensor, [5, 5])).toBeUndefined()
  expect(turns.convolution(tensor, [4, 6])).toBeUndefined()
  expect(turns.flat(tensor, [23])).toBeUndefined()
  expect(turns.positions({ shape: [1, 6, 4], data: new Float32Array(24) }, [1, 4, 4])).toBeUndefined()
})

describe("what does not go together is told", () => {
  const net = smallH2Former.data
  const begun = async (change: (theirs: Tensors) => Tensors, map?: object) => {
    const at = mkdtempSync(join(folder, "told-"))
    await save(join(at, "file.safetensors"), change(valuesOf(resnet34(8))))
    const given = JSON.parse(readFileSync(join(packageRoot, "examples/systems/h2former/names.json"), "utf8"))
    writeFileSync(join(at, "map.json"), JSON.stringify({ ...given, ...map }))
    const names = { ...(await readNames(join(at, "map.json"))), file: "map.json" }
    return problems(beginWith(net, join(at, "file.safetensors"), names, 0))
  }
  const told = async (...args: Parameters<typeof begun>) =>
    (await begun(...args)).map(({ code, message }) => `${code} ${message}`)
  test("left over, missing, of another shape, twice, not finite", async () => {
    expect(await told((all) => ({ ...all, "extra.weight": noise([2]) }))).toEqual([
      "HS3011 no rule of map.json fits extra.weight",
    ])
    expect(await told((all) => all, { leftOut: ["fc.*", "layer4.2.*"] })).toEqual([
      expect.stringMatching(/^HS3010 nothing fills layer4\.2\.conv1\.weight, layer4\.2\.bn1/),
    ])
    expect(await told((all) => all, { initial: ["swin_layers.*", "patch_embed.*", "MS*"] })).toEqual([
      expect.stringMatching(/^HS3010 nothing fills decode/),
    ])
    expect(await told((all) => ({ ...all, "layer1.0.conv1.weight": noise([8, 8, 1, 9]) }))).toEqual([
      "HS3012 'layer1.0.conv1.weight' [8, 8, 1, 9] does not become 'layer1.0.conv1.weight' [8, 8, 3, 3]",
    ])
    expect(
      await told((all) => ({ ...all, "stem.weight": noise([8, 3, 7, 7]) }), {
        tensors: { "stem.*": "conv1.*", "conv1.*": "conv1.*", "bn1.*": "bn1.*", "layer*": "layer*" },
      }),
    ).toEqual(["HS3016 'conv1.weight' and 'stem.weight' both become 'conv1.weight'"])
    expect(
      await told((all) => ({ ...all, "bn1.bias": { shape: [8], data: new Float32Array(8).fill(Number.NaN) } })),
    ).toEqual(["HS3013 1 tensor has values that are NaN or infinite: bn1.bias"])
    expect(
      await told((all) => all, { tensors: { "conv1.*": "conv.*", "bn1.*": "bn1.*", "layer*": "layer*" } }),
    ).toEqual([
      "HS3011 map.json gives a name that the model lacks: conv1.weight → conv.weight",
      "HS3010 nothing fills conv1.weight",
    ])
  })
})

test("the command says how many tensors come from where", async () => {
  const at = mkdtempSync(join(folder, "command-"))
  await save(join(at, "resnet34.safetensors"), valuesOf(resnet34(8)))
  const h2Former = join(packageRoot, "examples/systems/h2former")
  writeFileSync(
    join(at, "spec.ts"),
    `import { masks, model, pixels } from "hasam"
import { network } from ${JSON.stringify(join(h2Former, "index.ts"))}
export const small = model(network({ imageSize: 64, numClasses: 1, width: 8 }), { name: "H2Former", takes: { image: pixels({ size: 64 }) }, teaches: { masks: masks() } })
`,
  )
  const init = (...args: readonly string[]) =>
    ran({ args: ["weights", "init", "spec.ts", "out.safetensors", ...args], cwd: at, env: process.env })
  const names = join(h2Former, "names.json")
  const made = init("--from", "resnet34.safetensors", "--names", names)
  expect(made.out).toMatch(
    /^wrote \d+ tensors to out\.safetensors: 180 from resnet34\.safetensors, \d+ initial values; 2 tensors of it left out\n$/,
  )
  const wrong = init("--from", "resnet34.safetensors")
  expect([wrong.status, wrong.talk]).toEqual([1, expect.stringContaining("HS3011")])
  const idle = init("--names", names)
  expect([idle.status, idle.talk]).toEqual([2, expect.stringContaining("--names does nothing without --from")])
  const over = ran({
    args: ["weights", "init", "spec.ts", "resnet34.safetensors", "--from", "resnet34.safetensors", "--names", names],
    ...{ cwd: at, env: process.env },
  })
  expect(over.status).not.toBe(0)
})

const torch = pythonWith("torch", "numpy")
test.skipIf(torch === undefined)("a .pth with the state dict under 'model'", async () => {
  const script = `import json, sys, torch
tensors = {name: torch.full(shape, float(i)) for i, (name, shape) in enumerate(json.load(open(sys.argv[1])).items())}
torch.save({"model": tensors}, sys.argv[2])`
  const list = swin(8, [1, 2, 4, 8], 2, 64)
  writeFileSync(join(folder, "list.json"), JSON.stringify(list))
  const file = join(folder, "swin.pth")
  execFileSync(torch!, ["-c", script, join(folder, "list.json"), file])
  const { tensors } = await beginWith(smallSwin.data, file, await mapOf("swin-unet"), 1)
  const names = Object.keys(list)
  expect(new Set(tensors["swin_unet.layers_up.3.blocks.0.norm1.bias"]!.data)).toEqual(
    new Set([names.indexOf("layers.0.blocks.0.norm1.bias")]),
  )
})
