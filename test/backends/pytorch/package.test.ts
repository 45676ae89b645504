import { describe, expect, it } from "vitest"
import { millions } from "../../../examples/ha-sam/index.ts"
import { pytorchPackage } from "../../../src/backends/pytorch/index.ts"
import { patternsOf, selects } from "../../../src/backends/pytorch/mask.ts"
import { rearrangeMethods } from "../../../src/backends/pytorch/rearrange.ts"
import { tensorTable } from "../../../src/compiler/analysis/parameters.ts"
import { freezeAll, inBlocks, pipe, samVitB, samVitH, submodule, tensor, unfreeze } from "../../../src/dsl/index.ts"
import { adapted, odd } from "../../run/models.ts"
import { unet } from "./models.ts"

describe("rearrange as method chains", () => {
  const chain = (pattern: string, sizes: Readonly<Record<string, string>> = {}) =>
    rearrangeMethods(pattern, (axis) => sizes[axis])
      .map(([name, args]) => `${name}(${args})`)
      .join(".")
  it.each([
    ["b c h w -> b h w c", {}, "permute(0, 2, 3, 1)"],
    ["b c h w -> b (h w) c", {}, "flatten(2).transpose(1, 2)"],
    ["b (h w) c -> b c h w", { h: "5" }, "transpose(1, 2).unflatten(2, (5, -1))"],
    ["b n (heads c) -> b heads n c", { heads: "8" }, "unflatten(2, (8, -1)).transpose(1, 2)"],
    ["b heads n c -> b n (heads c)", {}, "transpose(1, 2).flatten(2)"],
    ["b 1 c -> b c", {}, "squeeze(1)"],
    ["n c -> 1 n c", {}, "unsqueeze(0)"],
    ["1 c -> 1 c 1 1", {}, "unsqueeze(2).unsqueeze(3)"],
    ["1 h w c -> 1 c h w", {}, "permute(0, 3, 1, 2)"],
    ["a b -> a b", {}, ""],
    [
      "(a b) (c d) -> (b a) (d c)",
      { a: "2", c: "3" },
      "unflatten(1, (3, -1)).unflatten(0, (2, -1)).permute(1, 0, 3, 2).flatten(0, 1).flatten(1)",
    ],
  ] as const)("%s", (pattern, sizes, expected) => expect(chain(pattern, sizes)).toBe(expected))
})

describe("the mask as patterns", () => {
  const of = (model: { readonly data: Parameters<typeof tensorTable>[0] }) => {
    const parameters = tensorTable(model.data)
      .filter(({ kind }) => kind === "parameter")
      .map(({ name, learns }) => ({ name, chosen: learns }))
    const patterns = patternsOf(parameters)
    for (const { name, chosen } of parameters)
      expect(
        patterns.some((p) => selects(p, name)),
        name,
      ).toBe(chosen)
    return patterns
  }
  it("is short and exact", () => {
    expect(of(millions)).toEqual(["image_encoder.blocks.*.after_attention", "image_encoder.blocks.*.in_mlp_residual"])
    expect(of(samVitB)).toEqual([""])
    expect(of(pipe(samVitB, freezeAll) as never)).toEqual([])
    expect(of(pipe(samVitH, freezeAll, unfreeze("maskDecoder", tensor("image_encoder.pos_embed"))) as never)).toEqual([
      "image_encoder.pos_embed",
      "mask_decoder",
    ])
    expect(of(pipe(samVitB, freezeAll, unfreeze(inBlocks("attn.qkv", 11, 12))) as never)).toEqual([
      "image_encoder.blocks.10.attn.qkv",
      "image_encoder.blocks.11.attn.qkv",
    ])
    expect(of(pipe(samVitB, freezeAll, unfreeze(submodule("image_encoder.neck.1"))) as never)).toEqual([
      "image_encoder.neck.1",
    ])
    expect(of(adapted.lora)).toHaveLength(6)
  })
})

describe("the package", () => {
  const files = pytorchPackage(millions.data, undefined, { name: "millions", spec: "abc", version: "1" })
  const model = files["model.py"]!

  it("is the same for the same model", () => {
    expect(pytorchPackage(millions.data, undefined, { name: "millions", spec: "abc", version: "1" })).toEqual(files)
  })

  it("has lines of at most 88 columns, and no tab or trailing space", () => {
    for (const data of [millions.data, odd.data, adapted.lora.data, unet.data])
      for (const [file, text] of Object.entries(pytorchPackage(data)).filter(([file]) => file.endsWith(".py")))
        text.split("\n").forEach((line, i) => {
          expect([...line].length, `${file}:${i + 1}: ${line}`).toBeLessThanOrEqual(88)
          expect(line, `${file}:${i + 1}`).not.toMatch(/\t|\s$/)
        })
  })

  it("has one class for blocks of one form, made with their ranks", () => {
    expect(model.match(/^class \w*Block\(/gm)).toEqual([
      "class ImageEncoderMLPBlock(",
      "class WindowedBlock(",
      "class GlobalBlock(",
      "class MaskDecoderMLPBlock(",
      "class FirstTwoWayAttentionBlock(",
      "class TwoWayAttentionBlock(",
    ])
    expect(model.match(/^ +(Windowed|Global)Block\(rank=\d+\),$/gm)?.map((line) => line.trim())).toEqual(
      [31, 61, 92, 123, 154, 184, 184, 215, 246, 276, 307, 338].map(
        (rank, i) => `${i % 3 === 2 ? "Global" : "Windowed"}Block(rank=${rank}),`,
      ),
    )
  })

  it("mirrors the paper's formulas", () => {
    expect(model).toContain("        x1 = x + a\n")
    expect(model).toContain("        return self.in_mlp_residual(x1) + m\n")
    expect(pytorchPackage(adapted.besideMlpResidual.data)["model.py"]).toContain(
      "        return x1 + m + self.beside_mlp_residual(x1) * 0.1\n",
    )
  })

  it("says its counts with their unit, and where they are checked", () => {
    expect(JSON.parse(files["settings.json"]!).model).toMatchObject({ parameters: 100_550_518, trainable: 6_815_046 })
    expect(files["README.md"]).toContain("6,815,046 of 100,550,518 parameters learn")
  })

  it("prints no path of this machine", () => {
    for (const text of Object.values(files)) expect(text).not.toMatch(/file:\/|\/home\/|\/main\//)
  })
})
