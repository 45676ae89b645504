import { describe, expect, test } from "vitest"
import { learningNames, type ModelTensor, tensorTable } from "../../src/compiler/analysis/parameters.ts"
import { elaborate, standardSizes } from "../../src/compiler/passes/elaborate/index.ts"
import {
  adapt,
  afterAttention,
  batchNorm2d,
  besideMlp,
  blocks,
  conv2d,
  convTranspose2d,
  define,
  features,
  forward,
  freeze,
  freezeAll,
  globalAveragePool,
  inBlocks,
  type Layer,
  linear,
  lora,
  type Model,
  masks,
  maxPool2d,
  model,
  pipe,
  pixels,
  point,
  type Rank,
  relu,
  residual,
  sam,
  samVitB,
  samVitH,
  samVitL,
  sequential,
  skipConcat,
  submodule,
  table,
  tensor,
  unfreeze,
  uniform,
} from "../../src/dsl/index.ts"

const tensors = (m: Model<any, any>) => tensorTable(m.data)
const size = (of: readonly ModelTensor[]) => of.reduce((n, { kind, size }) => (kind === "parameter" ? n + size : n), 0)
const part = (m: Model<any, any>, name: string) => size(tensors(m).filter((t) => t.part === name))

describe("SAM, recounted", () => {
  test.each([
    ["ViT-B", samVitB, 93_735_472, 89_670_912],
    ["ViT-L", samVitL, 312_342_832, 308_278_272],
    ["ViT-H", samVitH, 641_090_608, 637_026_048],
  ] as const)("%s", (_, m, total, encoder) => {
    expect(size(tensors(m))).toBe(total)
    expect([part(m, "imageEncoder"), part(m, "promptEncoder"), part(m, "maskDecoder")]).toEqual([
      encoder,
      6_220,
      4_058_340,
    ])
  })
  test("the state dict: 313 parameters and a buffer, in PyTorch's order", () => {
    const dict = tensors(samVitB).filter(({ persistent }) => persistent)
    expect(dict.filter(({ kind }) => kind === "parameter")).toHaveLength(313)
    expect(dict.filter(({ kind }) => kind === "buffer").map(({ name }) => name)).toEqual([
      "prompt_encoder.pe_layer.positional_encoding_gaussian_matrix",
    ])
    expect(dict.slice(0, 8).map(({ name, shape }) => `${name} ${shape}`)).toEqual([
      "image_encoder.pos_embed 1,64,64,768",
      "image_encoder.patch_embed.proj.weight 768,3,16,16",
      "image_encoder.patch_embed.proj.bias 768",
      "image_encoder.blocks.0.norm1.weight 768",
      "image_encoder.blocks.0.norm1.bias 768",
      "image_encoder.blocks.0.attn.rel_pos_h 27,64",
      "image_encoder.blocks.0.attn.rel_pos_w 27,64",
      "image_encoder.blocks.0.attn.qkv.weight 2304,768",
    ])
    const shapeOf = (name: string) => dict.find((t) => t.name === name)?.shape
    expect(shapeOf("image_encoder.blocks.2.attn.rel_pos_h")).toEqual([127, 64])
    expect(shapeOf("mask_decoder.output_upscaling.0.weight")).toEqual([256, 64, 2, 2])
    expect(shapeOf("mask_decoder.transformer.layers.1.cross_attn_image_to_token.out_proj.weight")).toEqual([256, 128])
    expect(shapeOf("mask_decoder.output_hypernetworks_mlps.3.layers.2.bias")).toEqual([32])
    expect(shapeOf("prompt_encoder.mask_downscaling.6.weight")).toEqual([256, 16, 1, 1])
  })
  test("a windowed and a global block", () => {
    const block = (i: number) => size(tensors(samVitB).filter((t) => t.block === i))
    expect([block(1), block(3)]).toEqual([7_091_328, 7_104_128])
  })
  test("tables follow the image size, windows do not", () => {
    const small = sam({ imageSize: 512, width: 768, depth: 12, heads: 12, globalBlocks: [2, 5, 8, 11] })
    const shapeOf = (name: string) => tensors(small).find((t) => t.name === name)?.shape
    expect(shapeOf("image_encoder.pos_embed")).toEqual([1, 32, 32, 768])
    expect(shapeOf("image_encoder.blocks.2.attn.rel_pos_h")).toEqual([63, 64])
    expect(shapeOf("image_encoder.blocks.0.attn.rel_pos_h")).toEqual([27, 64])
  })
})

const adapter = (rank: Rank) => residual(sequential(linear(768, rank), relu, linear(rank, 768)))
const two = table([4, null, null, null, null, null, null, null, null, null, null, 8])

describe("adapters", () => {
  test("are named as nn.Sequential names them; the last layer starts at zero", () => {
    const m = pipe(
      samVitB,
      freezeAll,
      adapt(two, (rank) => [
        afterAttention(adapter(rank)),
        besideMlp(sequential(linear(768, rank), relu, linear(rank, 768))),
      ]),
    )
    const added = tensors(m).filter((t) => t.adaptation !== undefined)
    expect(
      added.slice(0, 4).map(({ name, shape, init }) => [name, shape, "fill" in init ? init.fill : "drawn"]),
    ).toEqual([
      ["image_encoder.blocks.0.after_attention.0.weight", [4, 768], "drawn"],
      ["image_encoder.blocks.0.after_attention.0.bias", [4], "drawn"],
      ["image_encoder.blocks.0.after_attention.2.weight", [768, 4], 0],
      ["image_encoder.blocks.0.after_attention.2.bias", [768], 0],
    ])
    expect(new Set(added.map(({ placement }) => placement))).toEqual(new Set(["after_attention", "beside_mlp"]))
    expect(new Set(added.map(({ block }) => block))).toEqual(new Set([1, 12]))
    expect(learningNames(m.data)).toEqual(added.map(({ name }) => name))
  })
  test("LoRA: on slices of the fused qkv, and on a layer of its own", () => {
    const m = pipe(
      samVitB,
      freezeAll,
      adapt(uniform(12, 4), (rank) => [lora({ rank, on: ["q", "v", "mlp.lin1"] })]),
    )
    const first = tensors(m).filter((t) => t.block === 1 && t.adaptation !== undefined)
    expect(first.map(({ name, shape }) => `${name.slice("image_encoder.blocks.0.".length)} ${shape}`)).toEqual([
      "attn.qkv.lora_a_q.weight 4,768",
      "attn.qkv.lora_b_q.weight 768,4",
      "attn.qkv.lora_a_v.weight 4,768",
      "attn.qkv.lora_b_v.weight 768,4",
      "mlp.lin1.lora_a.weight 4,768",
      "mlp.lin1.lora_b.weight 3072,4",
    ])
    // SAMed's rank 4 on q and v of ViT-B.
    expect(
      size(
        tensors(
          pipe(
            samVitB,
            adapt(uniform(12, 4), (rank) => [lora({ rank, on: ["q", "v"] })]),
          ),
        ).filter((t) => t.adaptation !== undefined),
      ),
    ).toBe(147_456)
  })
  test("several adaptations in one pipe add up", () => {
    const once = adapt(uniform(12, 2), (rank) => [afterAttention(adapter(rank))])
    const m = pipe(samVitB, freezeAll, once, once)
    const names = tensors(m)
      .filter((t) => t.block === 1 && t.adaptation !== undefined)
      .map(({ placement }) => placement)
    expect(new Set(names)).toEqual(new Set(["after_attention", "after_attention_2"]))
  })
})

describe("rules, in order", () => {
  const learns = (m: Model<any, any>) => new Set(learningNames(m.data))
  test("later ones win; what is added later learns", () => {
    const m = pipe(samVitB, freezeAll, unfreeze("maskDecoder"), freeze(tensor("mask_decoder.iou_token.weight")))
    expect(learns(m).has("mask_decoder.mask_tokens.weight")).toBe(true)
    expect(learns(m).has("mask_decoder.iou_token.weight")).toBe(false)
    const frozenLater = pipe(
      samVitB,
      adapt(uniform(12, 2), (rank) => [afterAttention(adapter(rank))]),
      freezeAll,
    )
    expect(learns(frozenLater).size).toBe(0)
  })
  test("blocks mean the base's own tensors in them, modules by their whole path", () => {
    const m = pipe(
      samVitB,
      freezeAll,
      unfreeze(inBlocks("attn.qkv", 12), submodule("image_encoder.neck")),
      freeze(submodule("image_encoder.neck.2")),
    )
    expect([...learns(m)]).toEqual([
      "image_encoder.blocks.11.attn.qkv.weight",
      "image_encoder.blocks.11.attn.qkv.bias",
      "image_encoder.neck.0.weight",
      "image_encoder.neck.1.weight",
      "image_encoder.neck.1.bias",
      "image_encoder.neck.3.weight",
      "image_encoder.neck.3.bias",
    ])
    expect(learns(pipe(samVitB, freezeAll, unfreeze(blocks(1)))).size).toBe(14)
  })
  test("buffers never learn", () => expect(tensors(samVitB).filter((t) => t.kind === "buffer" && t.learns)).toEqual([]))
})

describe("other models", () => {
  const basic = (takes: number, gives: number, stride: number): Layer<number, number> =>
    define(
      "BasicBlock",
      {
        conv1: conv2d(takes, gives, 3, { stride, padding: 1, bias: false }),
        bn1: batchNorm2d(gives),
        conv2: conv2d(gives, gives, 3, { padding: 1, bias: false }),
        bn2: batchNorm2d(gives),
        ...(takes === gives
          ? {}
          : {
              downsample: sequential(conv2d(takes, gives, 1, { stride, bias: false }), batchNorm2d(gives)),
            }),
        act: relu,
      },
      features(takes),
      (m: any, x) =>
        m.act(forward.add(m.bn2(m.conv2(m.act(m.bn1(m.conv1(x))))), m.downsample === undefined ? x : m.downsample(x))),
    )
  const stage = (takes: number, gives: number, stride: number) =>
    sequential(basic(takes, gives, stride), basic(gives, gives, 1))

  test("ResNet-18 with two outputs has torchvision's 11,177,538 parameters and names", () => {
    const resnet = define(
      "ResNet",
      {
        conv1: conv2d(3, 64, 7, { stride: 2, padding: 3, bias: false }),
        bn1: batchNorm2d(64),
        act: relu,
        maxpool: maxPool2d(3, { stride: 2, padding: 1 }),
        layer1: stage(64, 64, 1),
        layer2: stage(64, 128, 2),
        layer3: stage(128, 256, 2),
        layer4: stage(256, 512, 2),
        pool: globalAveragePool,
        fc: linear(512, 2),
      },
      features(3),
      (m, x) => m.fc(m.pool(m.layer4(m.layer3(m.layer2(m.layer1(m.maxpool(m.act(m.bn1(m.conv1(x)))))))))),
    )
    const m = model(resnet, { name: "ResNet-18", takes: { image: pixels({ size: 96 }) }, teaches: { point: point() } })
    expect(size(tensors(m))).toBe(11_177_538)
    const names = tensors(m).map(({ name }) => name)
    for (const name of [
      "conv1.weight",
      "bn1.running_var",
      "layer2.0.downsample.1.weight",
      "layer4.1.bn2.num_batches_tracked",
      "fc.bias",
    ])
      expect(names).toContain(name)
    const { builder, outputs } = elaborate(m.data, standardSizes(m.data, 2))
    expect(builder.shapeOf(outputs["point"]!)).toEqual([2, 2])
  })
  test("a U-Net: skips with concatenation, transposed convolutions", () => {
    const double = (takes: number, gives: number) =>
      sequential(conv2d(takes, gives, 3, { padding: 1 }), relu, conv2d(gives, gives, 3, { padding: 1 }), relu)
    const below = sequential(maxPool2d(2), double(8, 16), convTranspose2d(16, 8, 2, { stride: 2 }))
    const unet = sequential(double(1, 8), skipConcat(below), double(16, 8), conv2d(8, 1, 1))
    const m = model(unet, {
      name: "U-Net",
      takes: { image: pixels({ size: [20, 28], channels: 1 }) },
      teaches: { masks: masks() },
    })
    const { builder, outputs } = elaborate(m.data, standardSizes(m.data))
    expect(builder.shapeOf(outputs["masks"]!)).toEqual([1, 1, 20, 28])
  })
})
