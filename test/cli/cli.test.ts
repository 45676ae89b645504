/** The commands, as a user calls them. */
import { cpSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Ajv } from "ajv"
import { isRight } from "fp-ts/lib/Either.js"
import { describe, expect, test } from "vitest"
import { packageRoot } from "../../src/compiler/frontend/package.ts"
import { Report } from "../../src/compiler/report/report.ts"
import { ran } from "./session.ts"

const folder = mkdtempSync(join(tmpdir(), "hasam-"))
const env = { ...process.env, NO_COLOR: "1" }
const hasam = (...args: readonly string[]) => ran({ args, cwd: packageRoot, env })
const spec = (name: string, text: string): string => {
  writeFileSync(join(folder, name), text)
  return join(folder, name)
}
const small = `sam({ imageSize: 64, patchSize: 16, width: 64, depth: 2, heads: 4, globalBlocks: [0], outChannels: 16, maskChannels: 8, decoder: { heads: 2, mlpWidth: 24, iouWidth: 12 } })`
/** Two blocks, q and v of each, two factors of 64 × 16. */
const right = 8192
const counted = (n: number) =>
  spec(
    `count-${n}.ts`,
    `import { adapt, freezeAll, lora, pipe, expectTrainable, sam, uniform } from "hasam"
export const samed = pipe(${small}, freezeAll, adapt(uniform(2, 16), (rank) => [lora({ rank, on: ["q", "v"] })]), expectTrainable(${n}))
`,
  )

describe("compile", () => {
  test("--json is one document that fits the schema, and reads back", () => {
    const { status, out } = hasam("compile", "examples/ha-sam", "--json")
    expect(status).toBe(0)
    const document = JSON.parse(out)
    const validate = new Ajv({ strict: false }).compile(
      JSON.parse(readFileSync(join(packageRoot, "docs/schema/report-1.json"), "utf8")),
    )
    expect(validate(document), JSON.stringify(validate.errors)).toBe(true)
    expect(validate({ ...document, schema: 2 })).toBe(false)
    const decoded = Report.decode(document)
    expect(isRight(decoded)).toBe(true)
    const counts = document.models.map(({ name, total, trainable, frozen }: any) => [name, total, trainable, frozen])
    expect(counts).toEqual([
      ["millions", 100_550_518, 6_815_046, 93_735_472],
      ["mebibytes", 95_524_528, 1_789_056, 93_735_472],
    ])
    expect(document.models[1].bytes.trainable.float32 / 2 ** 20).toBeCloseTo(6.82, 2)
    const adapters = document.models[0].tensors.filter(({ trainable }: any) => trainable)
    expect(adapters).toHaveLength(96)
    expect(adapters.every(({ receivesGradient }: any) => receivesGradient)).toBe(true)
  })
  test("spec#export is one model, by its name or its training's; another is told with the nearest", () => {
    const namesOf = (...specs: readonly string[]) =>
      JSON.parse(hasam("compile", ...specs, "--json").out).models.map(({ name }: any) => name)
    expect(namesOf("examples/small/adapted.ts#reversed", "examples/small/adapted.ts#trainFlat")).toEqual([
      "reversed",
      "flat",
    ])
    const { status, talk } = hasam("compile", "examples/ablations#flt")
    expect(status).toBe(1)
    expect(talk).toContain("HS1008: the spec exports no model 'flt'\n  The nearest is 'flat'.")
  })
  test("Table 2 and the uniform baseline", () => {
    const { status, out } = hasam("compile", "examples/ablations")
    expect(status).toBe(0)
    const numbers = [...out.matchAll(/^\w+ +([\d,]+) +100,|^\w+ +([\d,]+) +\d/gm)].map((m) =>
      (m[1] ?? m[2])!.replaceAll(",", ""),
    )
    expect(numbers.map(Number)).toEqual([6_815_046, 6_815_046, 6_718_216, 5_774_498, 7_804_874, 8_693_260, 6_805_824])
  })
  test("exit codes: 1 for the spec, 2 for usage, 3 for a budget", () => {
    expect(hasam("compile", counted(7)).status).toBe(1)
    expect(hasam("compile", counted(right)).status).toBe(0)
    expect(hasam("compile", counted(right), "--input-size", "many").status).toBe(2)
    expect(hasam("compile").status).toBe(2)
    const budget = spec("budget.json", '{ "samed": { "trainable": 8000 } }')
    const over = hasam("compile", counted(right), "--budget", budget)
    expect(over.status).toBe(3)
    expect(over.talk).toContain("HS1019: 'samed' trains 8,192 parameters, 192 over its budget of 8,000")
    const misspelt = spec("misspelt.json", '{ "samed": { "trainible": 100000 }, "samd": { "bytes": 1 } }')
    const gate = hasam("compile", counted(right), "--budget", misspelt)
    expect(gate.status).toBe(1)
    expect(gate.talk).toContain("HS5001: 'samed' has a rule 'trainible', which is none")
    expect(gate.talk).toContain("HS5001: there is no model 'samd'")
  })
  test("--update writes the right number in place, and nothing else", () => {
    const file = counted(8)
    const before = readFileSync(file, "utf8")
    expect(hasam("compile", file, "--update").status).toBe(0)
    expect(readFileSync(file, "utf8")).toBe(before.replace("expectTrainable(8)", "expectTrainable(8_192)"))
  })
  test("--types: the counts are types, and a wrong one is a type error", () => {
    const text = (count: number) => `import { counted, freezeAll, pipe, sam } from "hasam"
export const mine = pipe(${small}, freezeAll, counted("mine"))
export const total: ${count} = mine.counts.total
`
    const file = spec("types.ts", text(7).replace(/^export const total.*$/m, ""))
    const typed = hasam("compile", file, "--types", "--json")
    expect(typed.status).toBe(0)
    const [{ total }] = JSON.parse(typed.out).models
    spec("types.ts", text(total))
    expect(hasam("compile", file, "--brief").status).toBe(0)
    spec("types.ts", text(7))
    expect(hasam("compile", file).talk).toContain(`TS2322: Type '${total}' is not assignable to type '7'`)
  })
  test("--report writes every form", () => {
    const out = join(folder, "reports")
    expect(hasam("compile", counted(right), "--report", "text,json,md,html,tex,svg", "--out", out).status).toBe(0)
    const read = (name: string) => readFileSync(join(out, `report.${name}`), "utf8")
    for (const name of ["txt", "md", "html", "tex", "svg"]) expect(read(name), name).toContain("8,192")
    expect(JSON.parse(read("json")).models[0].trainable).toBe(right)
    expect(hasam("compile", counted(right), "--report", "pdf", "--out", out).talk).toContain(
      "--report: error HS5002: 'pdf' is not one or several of text, json, md, html, tex, svg",
    )
  })
  test("--input-size: tables follow", () => {
    const { out } = hasam("compile", counted(right), "--input-size", "128", "--json")
    const shapes = Object.fromEntries(JSON.parse(out).models[0].tensors.map(({ name, shape }: any) => [name, shape]))
    expect(shapes["image_encoder.pos_embed"]).toEqual([1, 8, 8, 64])
  })
  test("--dump: the graph after a pass, as text", () => {
    const { out, status } = hasam("compile", "examples/small", "--stop-after", "differentiate")
    expect(status).toBe(0)
    expect(out).toContain("relPosAttentionGrad")
    expect(hasam("compile", "examples/small", "--dump", "fold").talk).toContain(
      "--dump: error HS5002: 'fold' is not elaborate, unpad, loss,",
    )
  })
  test("a spec outside the repository, and one that imports another", () => {
    cpSync(join(packageRoot, "examples/ha-sam"), join(folder, "ha-sam"), { recursive: true })
    const file = spec(
      "imports.ts",
      'import { haSam, hierarchical } from "./ha-sam/index.ts"\nexport const quarter = haSam(hierarchical(0.25))\n',
    )
    expect(hasam("compile", file, "--brief").out).toContain("7,100,928")
  })
})

describe("the other commands", () => {
  // What it says is among the README's samples.
  test("reconcile takes a number as printed", () => {
    expect(hasam("reconcile", "about seven", "examples/ha-sam").status).toBe(2)
  })
  test("diff: signed, with a TOTAL line", () => {
    const { out } = hasam("diff", "examples/ha-sam#mebibytes", "examples/ha-sam#millions")
    expect(out).toMatch(/adapters +\+5,025,990 +\+280\.93 % +\+5,025,990/)
    expect(out.trimEnd().split("\n").at(-1)).toMatch(/^TOTAL +\+5,025,990 +\+5\.26 % +\+5,025,990 +\+280\.93 %$/)
  })
  test("explain: a code's page; the nearest after a typo", () => {
    expect(hasam("explain", "hs1003").out).toContain("HS1003")
    const { status, talk } = hasam("explain", "HS1303")
    expect([status, talk]).toEqual([2, expect.stringContaining("the nearest is")])
  })
  test("a typo in a command or option suggests the nearest", () => {
    expect(hasam("comple", "x").talk).toContain("Did you mean compile?")
    expect(hasam("compile", "x", "--jsno").talk).toContain("Did you mean --json?")
  })
  test("a model is chosen by its export; the nearest after a typo", () => {
    expect(hasam("diff", "examples/ha-sam#milions", "examples/ha-sam#millions").talk).toContain(
      "The nearest is 'millions'.",
    )
    expect(hasam("diff", "examples/ablations", "examples/ablations").talk).toContain(
      "several models: proposed, reversed",
    )
  })
  test("--help begins with examples, --version is a version", () => {
    expect(hasam("compile", "--help").out.startsWith("Examples:")).toBe(true)
    expect(hasam("--version").out.trim()).toMatch(/^\d+\.\d+\.\d+$/)
    expect(hasam("--help").status).toBe(0)
  })
})
