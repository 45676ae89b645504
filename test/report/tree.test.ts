/** Where FLOPs are: the report's modules and equations, and the tree of its page. */
import { expect, test } from "vitest"
import { tensorTable } from "../../src/compiler/analysis/parameters.ts"
import { costReport } from "../../src/compiler/analysis/summary.ts"
import { reportHtml } from "../../src/compiler/report/html.ts"
import { modelReport } from "../../src/compiler/report/model.ts"
import { schemaName } from "../../src/compiler/report/report.ts"
import {
  adapt,
  afterAttention,
  freezeAll,
  linear,
  lora,
  type Model,
  pipe,
  residual,
  sequential,
  uniform,
} from "../../src/dsl/index.ts"
import { defaultsFor } from "../../src/dsl/training.ts"
import { backbone } from "../passes/models.ts"

const adapted = pipe(
  backbone,
  freezeAll,
  adapt(uniform(2, 3), (rank) => [
    afterAttention(residual(sequential(linear(8, rank), linear(rank, 8)))),
    lora({ rank, on: ["q"] }),
  ]),
)
const reportOf = ({ data }: Pick<Model, "data">) => {
  const tensors = tensorTable(data)
  const place = () => ({ file: "", line: 0, column: 0 })
  return { ...modelReport("net", data, tensors, place), ...costReport()(data, tensors, defaultsFor(data)) }
}
const model = reportOf(adapted)
const modules = model.flops!.modules!
const sum = (key: "forward" | "backward", of: typeof modules) => of.reduce((n, row) => n + row[key], 0)

test("every FLOP is some module's, once", () => {
  expect(sum("forward", modules)).toBe(model.flops!.forward)
  expect(sum("backward", modules)).toBe(model.flops!.backward)
  expect(new Set(modules.map(({ path }) => path)).size).toBe(modules.length)
})

test("what was added costs what its layers cost, apart from the block's own", () => {
  const added = modules.filter(({ part, block }) => part === "adapters" && block === 1)
  expect(new Set(added.map(({ placement }) => placement))).toEqual(new Set(["after_attention", "lora"]))
  // 3 × 3 tokens of 8 features: down to rank 3 and up again, biases, the input added.
  const tokens = 9
  const adapter = tokens * (2 * 8 * 3 + 3 + 2 * 3 * 8 + 8 + 8)
  const of = (placement: string) =>
    sum(
      "forward",
      added.filter((row) => row.placement === placement),
    )
  expect(of("after_attention")).toBe(adapter)
  // Without them, everything else costs the same; a low-rank update's sum is over windows, which are padded to 4 of 2 × 2.
  const bare = reportOf(pipe(backbone, freezeAll)).flops!.modules!
  const own = modules.filter(({ placement, block }) => placement === undefined && block === 1)
  expect(sum("forward", own)).toBe(
    sum(
      "forward",
      bare.filter(({ block }) => block === 1),
    ),
  )
  const products = tokens * (2 * 8 * 3 + 2 * 3 * 8)
  expect(of("lora") - products).toBe(4 * 4 * 24)
})

test("a block's equations are its nodes: their FLOPs are the block's, and each name is made before it is used", () => {
  const { equations = [] } = model
  expect(equations.flatMap(({ blocks }) => blocks).toSorted()).toEqual([1, 2])
  for (const { blocks, lines } of equations) {
    const flops = lines.reduce((n, line) => n + line.flops, 0)
    expect(flops).toBe(
      sum(
        "forward",
        modules.filter(({ block }) => block === blocks[0]),
      ),
    )
    expect(lines[0]).toMatchObject({ name: "x", value: "", shape: [1, 3, 3, 8] })
    const known = new Set<string>()
    for (const { name, value } of lines) {
      for (const [used] of value.matchAll(
        /(?<![\w.])(?:x|y|norm1|norm2|attn|mlp|after_attention)(?:\.[a-z]\w*)*\.\d+(?![\w.])/g,
      ))
        expect(known, `${name} = ${value}`).toContain(used)
      expect(known).not.toContain(name)
      known.add(name)
    }
  }
  const texts = equations[0]!.lines.map(({ name, value }) => `${name} = ${value}`)
  expect(texts).toContain("norm1 = layerNorm(x, norm1.weight, norm1.bias, eps = 0.000001)")
  expect(texts).toContain("mlp.act = gelu(mlp.lin1)")
})

test("blocks that compute alike stand together", () => {
  const alike = reportOf(pipe(backbone, freezeAll)).equations!
  // One is of windows, the other global.
  expect(alike.map(({ blocks }) => blocks)).toEqual([[1], [2]])
})

test("the page's tree has FLOPs at each level", () => {
  const html = reportHtml({ $schema: schemaName, schema: 1, hasam: "0", models: [model], diagnostics: [] })
  const row = (name: string) =>
    new RegExp(`<code>${name}</code></span><span class="n">.*?</span></summary>`).exec(html)?.[0] ?? ""
  for (const name of ["adapters", "block 1", "after_attention", "lora"])
    expect(row(name), name).toMatch(/class="f">[\d.]+ k?FLOPs</)
  expect(html).toContain("<b>mlp.act</b> = gelu(mlp.lin1)")
})
