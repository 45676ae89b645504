/** Numbers that make no sense, and what looks right and is not: HS1040 to HS1048, and what is blamed on whom. */
import { spawnSync } from "node:child_process"
import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { describe, expect, test } from "vitest"
import { withinTime } from "../../src/compiler/analysis/limit.ts"
import type { Diagnostic } from "../../src/compiler/diagnostic.ts"
import { packageRoot } from "../../src/compiler/frontend/package.ts"
import { guarded } from "../../src/dsl/guard.ts"
import { define, features, layerNorm, linear, relu } from "../../src/dsl/index.ts"
import * as hasam from "../../src/dsl/index.ts"
import type { Kind } from "../../src/dsl/kinds.ts"
import { functionRanges, isWithin, type Range, type Slot } from "../../src/dsl/ranges.ts"
import { functionKinds } from "../../src/dsl/signatures.ts"
import { tensorsOf } from "../../src/dsl/tensors.ts"
import { ran } from "../cli/session.ts"

const folder = mkdtempSync(join(tmpdir(), "hasam-"))
const compile = (text: string, name = "spec.ts") => {
  writeFileSync(join(folder, name), text)
  const { status, out, talk } = ran({ args: ["compile", name], cwd: folder, env: { ...process.env, NO_COLOR: "1" } })
  expect(talk).not.toContain("internal")
  return { status, text: talk, out }
}
/** What is told of a spec, by the built compiler: a spec runs in a thread, which starts from JavaScript. */
const diagnosticsOf = async (text: string): Promise<readonly Diagnostic[]> => {
  const { compileSpecs } = await import(/* @vite-ignore */ join(packageRoot, "dist/compiler/compile.js"))
  writeFileSync(join(folder, "told.ts"), text)
  const { report } = await compileSpecs([join(folder, "told.ts")])
  return report.diagnostics
}
const head = `import { adapt, afterAttention, chain, define, features, freeze, freezeAll, linear, lora, model, pipe, pixels, type Rank, residual, sam, sequential, unfreeze, uniform, expectTrainable, buffer, training, extent, forward, ifGiven, relu } from "hasam"
const tiny = sam({ imageSize: 32, patchSize: 8, width: 16, depth: 2, heads: 2, globalBlocks: [1] })
const adapter = (rank: Rank) => residual(sequential(linear(16, rank), linear(rank, 16)))
`

describe("HS1040: the table of ranges", () => {
  const wrong = (range: Range): readonly number[] =>
    [Number.NaN, Number.POSITIVE_INFINITY, -1, 0, 0.25, 1.5, 1e300, (range.most ?? 0) + 1].filter((x) => !isWithin(range, x))
  const slots = (slot: Slot, path: string): readonly { readonly path: string; readonly range: Range; readonly put: (x: unknown) => unknown }[] => {
    if (slot === undefined) return []
    if ("options" in slot)
      return Object.entries(slot.options).flatMap(([name, inner]) =>
        slots(inner, path === "" ? name : `${path}.${name}`).map((found) => ({
          ...found,
          put: (x: unknown) => ({ [name]: found.put(x) }),
        })),
      )
    if ("each" in slot) return [{ path, range: slot.each, put: (x) => [x] }]
    return [{ path, range: slot as Range, put: (x) => x }]
  }
  const all = Object.entries(functionRanges).filter(([name]) => !name.startsWith("at.")).flatMap(([name, of]) =>
    of.flatMap((slot, i) => slots(slot, "").map((found) => ({ ...found, name, i, title: `${name} ${i} ${found.path}` }))),
  )
  test("has many numbers", () => expect(all.length).toBeGreaterThan(100))
  test.each(all)("$title", ({ name, i, path, range, put }) => {
    const [, inner] = name.split("forward.")
    const bad = wrong(range)
    expect(bad.length).toBeGreaterThan(1)
    for (const x of bad) {
      const { language, senseless } = guarded(hasam)
      const table = (inner === undefined ? language : language["forward"]) as Record<string, (...args: unknown[]) => unknown>
      const args = Array.from({ length: i + 1 }, (_, k) => (k === i ? put(x) : undefined))
      try {
        table[inner ?? name]!(...args)
      } catch {
        // The other arguments are missing: what counts is that the number was seen.
      }
      const told = senseless.filter(({ code }) => code === "HS1040")
      const about = path === "" ? (inner ?? name) : `${inner ?? name}: ${path}`
      expect(told.some(({ message }) => message.includes(about) && message.endsWith(`, not ${x}`)), `${x} ${JSON.stringify(told)}`).toBe(true)
    }
  })
  test("every public function is in the table, or takes no numbers", () => {
    const without = [
      ...["extent", "flag", "ifGiven", "optional", "whenGiven", "maskDecoder", "imageEncoder", "promptEncoder", "blocks"],
      ...["boxes", "masks", "point", "points", "bceWithLogits", "mse", "isTraining", "asks", "defaultsFor", "defaultPrompt", "defaultLoss", "automatic", "unmoved"],
    ]
    const functions = Object.entries(hasam).flatMap(([name, f]) => (typeof f === "function" ? [name] : []))
    expect(functions.filter((name) => !(name in functionRanges) && !(name in functionKinds) && !without.includes(name))).toEqual([])
  })
  test("rates of parts that are not there, or do not learn, and rates that are none", () => {
    const { status, text } = compile(`import { freeze, pipe, rates, sam, training } from "hasam"
const tiny = sam({ imageSize: 32, patchSize: 8, width: 16, depth: 2, heads: 2, globalBlocks: [1] })
export const a = pipe(tiny, freeze("promptEncoder"))
export const one = training(a, { rates: rates({ imageEncoder: (block) => 1e-3 * block, promptEncoder: 1e-3 }) })
export const two = training(a, { rates: rates({ adapters: 1e-3 }) })
`)
    expect(status).toBe(1)
    expect(text).toContain("(4,20): error HS1040: rates: the rate of 'imageEncoder' is a number above 0, at most 1,000,000, not 0")
    expect(text).toContain("Blocks count from 1; before them the function is asked for 0.")
    expect(text).toContain("(4,20): error HS1018: rates: nothing learns in 'promptEncoder'")
    expect(text).toContain("(5,20): error HS1018: rates: there is no part 'adapters'")
  })
  test("all are told at once, each at its place, and nothing that follows", () => {
    const { status, text } = compile(`import { dropout, linear, repeat, sam } from "hasam"
export const a = sam({ imageSize: 32, patchSize: 8, width: 16, depth: 2, heads: 2, globalBlocks: [7], maskChannels: 1.5, windowSize: 1e6 })
export const d = dropout(2)
export const r = repeat(-1, () => linear(4, 4))
export const s = sam({ imageSize: 32, patchSize: 8, width: 16, depth: 2, heads: 3, globalBlocks: [1], maskChannels: 6, outChannels: 20 })
`)
    expect(status).toBe(1)
    expect(text.match(/error HS1040/g)).toHaveLength(8)
    expect(text).toContain("spec.ts(5,18): error HS1040: sam: width is a whole number from 1 to 1,000,000, a multiple of 3, not 16")
    expect(text).toContain("spec.ts(2,18): error HS1040: sam: globalBlocks is a whole number from 0 to 1, not 7")
    expect(text).toContain("spec.ts(3,18): error HS1040: dropout is a number from 0, below 1, not 2")
    expect(text.match(/error/g)!.length).toBe(9)
  })
})

test("HS1041: an expectation on a model that is not exported", () => {
  const { status, text } = compile(`${head}const hidden = pipe(tiny, expectTrainable(7))\nexport const model1 = tiny\n`)
  expect([status, text]).toEqual([1, expect.stringContaining("spec.ts(4,27): error HS1041: ")])
})
test("HS1042: a circle of imports", () => {
  writeFileSync(join(folder, "other.ts"), `import { width } from "./circle.ts"\nexport const twice = 2 * width.of\n`)
  const { status, text } = compile(
    `import { linear, model, sequential } from "hasam"\nimport { twice } from "./other.ts"\nexport const width = { of: 3 }\nexport const net = sequential(linear(3, twice))\n`,
    "circle.ts",
  )
  expect([status, text]).toEqual([1, expect.stringContaining("error HS1042: ")])
  expect(text).toContain("circle.ts → other.ts → circle.ts")
})
test.each([
  ["{}", "it was not made by model(…)"],
  ["null", "it was not made by model(…)"],
  ["{ network: { kind: 'relu', pointwise: true }, takes: {}, teaches: {} }", "it was not made by model(…)"],
  ["cyclic", "a layer contains itself"],
])("HS1043: a fake model: %s", (data, why) => {
  const { status, text } = compile(`import { linear, model, sequential } from "hasam"
const cyclic: any = { ...(model(sequential(linear(4, 4)) as any, { name: "n", takes: { x: { kind: "given", shape: [4] } } } as any) as any).data }
cyclic.network = { ...cyclic.network, layers: [] }
cyclic.network.layers.push(cyclic.network)
export const fake: any = { kind: "model", data: ${data} }
`)
  expect([status, text]).toEqual([1, expect.stringContaining(`error HS1043: 'fake' looks like a model, but ${why}`)])
})
test.each([
  ["{ ...t, optimizer: 7 }", "its optimizer has to be an optimizer, not 7"],
  ["{ ...t, optimizer: { kind: 'adam', rate: -1 } }", "its optimizer has to be an optimizer, not an object"],
  ["{ ...t, loss: { kind: 'sum', terms: 3 } }", "its loss has to be a loss, not an object"],
  ["{ ...t, epochs: -1 }", "its epochs has to be a whole number from 1 to 1,000,000, not -1"],
  ["{ ...t, model: { ...t.model, rules: [{}] } }", "it was not made by model(…)"],
])("HS1043: a fake training: %s", async (training, why) => {
  const found = await diagnosticsOf(`${head}
const t: any = training(tiny)
export const m = tiny
export const fake: any = ${training}
`)
  expect(found.filter(({ code }) => code !== "HS1024").map(({ code, line, message }) => [code, line, message])).toEqual([["HS1043", 7, `'fake' looks like a training, but ${why}`]])
})
test.each(["rules: [{ learn: 'x', select: { kind: 'zzz' } }]", "expectations: [{}]", "takes: { image: { kind: 'pixels' } }", "blocks: [7]", "adaptations: [{ depth: 2, blocks: [{ block: 1, rank: 2, placements: [{ kind: 'what' }] }] }]"])(
  "HS1043: a model's data that was put together by hand: %s",
  async (part) => {
    const found = await diagnosticsOf(`${head}export const m: any = { kind: "model", data: { ...(tiny as any).data, ${part} } }
`)
    expect(found.map(({ code, message }) => [code, message])).toEqual([["HS1043", "'m' looks like a model, but it was not made by model(…)"]])
  },
)
test("names that no tensor can have", async () => {
  const net = (children: string, forward: string) =>
    `model(define("X", ${children} as any, features(3), (m: any, x: any) => ${forward}), { name: "x", takes: { image: pixels({ size: 8 }) } } as any)`
  const found = await diagnosticsOf(`${head}export const a: any = ${net("{ 'a.b': linear(3, 3), '../c': linear(3, 3) }", "m['a.b'](x)")}
export const b: any = pipe(tiny, freezeAll, adapt(uniform(2, 4), (rank) => [afterAttention(adapter(rank), { name: "../x y" } as any)]))
`)
  expect(found.filter(({ severity }) => severity === "error").map(({ line, message }) => [line, message])).toEqual([
    [4, "define takes a name without dots, slashes and spaces, not the text 'a.b'"],
    [5, "afterAttention: name is a name without dots, slashes and spaces, not the text '../x y'"],
  ])
})
test("HS1044: counts past 2⁵³", () => {
  const { status, text } = compile(
    `${head}const big = () => linear(9_000_000, 9_000_000)\nexport const huge: any = model(sequential(...Array.from({ length: 120 }, big) as any) as any, { name: "huge", takes: { x: { kind: "given", shape: [9_000_000] } }, teaches: {} } as any)\n`,
  )
  expect([status, text]).toEqual([1, expect.stringContaining("error HS1044: ")])
})
test("HS1045, HS1046, HS1048: warnings that save a day", () => {
  const { text } = compile(`${head}export const late = pipe(tiny, adapt(uniform(2, 4), (rank) => [afterAttention(adapter(rank))]), freezeAll)
export const all = pipe(tiny, adapt(uniform(2, 32), (rank) => [afterAttention(adapter(rank))]))
export const part = pipe(tiny, adapt(uniform(2, 4), (rank) => [afterAttention(adapter(rank))]), freeze("adapters" as any))
export const idle = pipe(tiny, freezeAll)
export const how = training(idle)
`)
  expect(text).toContain("spec.ts(4,21): warning HS1045: in 'late', the adapters do not learn")
  expect(text).toMatch(/spec\.ts\(5,31\): warning HS1046: in 'all', nothing is frozen: [\d,]+ parameters learn/)
  expect(text).toContain("spec.ts(5,31): warning HS1048: a rank of 32 is larger than the 16 features of the block")
  expect(text).toContain("warning HS1045: in 'part', the adapters do not learn: they are frozen after they are added")
  expect(text).toMatch(/spec\.ts\(8,20\): warning HS1016: 'idle' is to be trained, but nothing of it learns/)
})
test("HS1047: a number for a rank", () => {
  const { text } = compile(`${head}export const m = pipe(tiny, freezeAll, adapt(uniform(2, 4), () => [afterAttention(adapter(4))]))\n`)
  expect(text).toContain("error HS1047: a number is given for a rank\n  Take the rank that adapt gives")
})

test.each([
  ["pipe(tiny, freezeAll, adapt(uniform(2, 4), (rank) => afterAttention(adapter(rank))))", "adapt takes a function that gives a list of placements, not a placement: put [ ] around it"],
  ["pipe(tiny, freezeAll, adapt(uniform(2, 4), afterAttention(adapter(asRank))))", "adapt takes a function from a rank to placements, not placements"],
  ["pipe(tiny(), freezeAll)", "a model is not a function"],
  ["pipe(tiny, freezeAll())", "pipe takes one model, at its beginning, and functions that change it behind"],
  ["pipe(freezeAll, tiny)", "pipe takes one model, at its beginning, and functions that change it behind"],
  ["pipe(tiny, blocks(1))", "a selector by itself changes nothing"],
] as const)("HS1049: what TypeScript says of %s, in words of the language", (expression, message) => {
  const { text } = compile(`import { blocks } from "hasam"\n${head}const asRank = 4 as unknown as Rank\nexport const m = ${expression}\n`)
  expect(text.match(/error \w+: .*/g)).toEqual([`error HS1049: ${message}`])
})
test("a part that rates name and the model lacks is one mistake, told once", () => {
  const { text } = compile(`import { rates } from "hasam"\n${head}export const m = tiny\nexport const how = training(m, { rates: rates({ encoder: 1e-3 }) })\n`)
  expect(text.match(/error \w+: .*/g)).toEqual(["error HS1018: rates: there is no part 'encoder'"])
})
test("a name that is none hides no sentence with a hole in it", () => {
  const { text } = compile(`${head}export const m = pipe(tiny, freezeAll, unfreeze(maskDecoder))\n`)
  expect(text.match(/error \w+: .*/g)).toEqual(["error TS2304: Cannot find name 'maskDecoder'."])
})

describe("HS1049: the table of what arguments have to be", () => {
  const junk = [undefined, null, 7, "text", true, [undefined], {}, { kind: "linear?" }, () => 7, Symbol("s"), 7n]
  type Asked = { readonly title: string; readonly name: string; readonly kind: Kind; readonly args: (x: unknown) => readonly unknown[]; readonly optional: boolean }
  const fieldsOf = (kind: Kind | undefined, title: string, name: string, args: Asked["args"]): readonly Asked[] =>
    Object.entries(kind?.fields ?? {}).flatMap(([key, inner]) => {
      const within = { title: `${title} ${key}`, name, kind: inner, args: (x: unknown) => args({ [key]: x }), optional: !(kind?.needed ?? []).includes(key) }
      return [within, ...fieldsOf(inner, within.title, name, within.args)]
    })
  const asked: readonly Asked[] = Object.entries(functionKinds)
    .filter(([name]) => !name.includes("."))
    .flatMap(([name, { of, rest }]) => [
      ...of.flatMap((kind, i): readonly Asked[] => {
        const args = (x: unknown) => [...Array<undefined>(i).fill(undefined), x]
        return kind === undefined ? [] : [{ title: `${name} ${i}`, name, kind, args, optional: i >= (hasam as any)[name].length }, ...fieldsOf(kind, `${name} ${i}`, name, args)]
      }),
      ...(rest === undefined ? [] : [{ title: `${name} …`, name, kind: rest, args: (x: unknown) => [...Array<undefined>(of.length).fill(undefined), x], optional: false }]),
    ])
  test("has many arguments", () => expect(asked.length).toBeGreaterThan(70))
  test.each(asked)("$title", ({ name, kind, args, optional }) => {
    const bad = junk.filter((x) => !kind.holds(x) && !(optional && x === undefined))
    expect(bad.length).toBeGreaterThan(1)
    for (const x of bad) {
      const { language, senseless } = guarded(hasam)
      try {
        ;(language[name] as (...args: readonly unknown[]) => unknown)(...args(x))
      } catch {
        // What counts is that it was seen before.
      }
      const told = senseless.filter(({ code }) => code === "HS1049")
      expect(told.some(({ message }) => message.startsWith(name) && /, not ./.test(message)), String(x)).toBe(true)
    }
  })
  test("what functions give goes on being looked at: what stands in a pipe, what repeat makes", () => {
    const { language, senseless } = guarded(hasam)
    const { freeze, repeat, expectTotal } = language as any
    expect(() => freeze("all")(undefined)).toThrow()
    expect(() => expectTotal(7)({})).toThrow()
    expect(() => repeat(2, () => undefined)).toThrow()
    expect(senseless.map(({ message }) => message)).toEqual([
      "freeze(…) takes a model, not undefined",
      "expectTotal(…) takes a model, not an object",
      "repeat takes a function that gives a layer, not undefined",
    ])
  })
  test.each([
    ["an adapter of nothing", "adapt(uniform(2, 4), () => [afterAttention(undefined as any)])", "afterAttention takes a layer, not undefined"],
    ["a layer of nothing", "adapt(uniform(2, 4), (r) => [afterAttention(sequential(linear(16, r), undefined as any, linear(r, 16)))])", "sequential takes a layer, not undefined"],
    ["a number for a layer", "adapt(uniform(2, 4), () => [afterAttention(7 as any)])", "afterAttention takes a layer, not 7"],
    ["updates of no names", "adapt(uniform(2, 4), (r) => [lora({ rank: r, on: 'q' as any })])", "lora: on is a list of names, not the text 'q'"],
    ["a placement by hand", "adapt(uniform(2, 4), () => [{ kind: 'adapter', layer: linear(16, 16) } as any])", "adapt takes a function that gives a list of placements, not one that gives a list of something else"],
    ["a width as text", "adapt(uniform(2, 4), () => [afterAttention(linear('16' as any, 16) as any)])", "linear is a number at most 1e7, not the text '16'"],
    ["nothing to adapt by", "undefined as any", "pipe takes a function, not undefined"],
  ])("in a spec, once, at its place: %s", async (_, part, message) => {
    const found = await diagnosticsOf(`${head}export const m: any = pipe(tiny, freezeAll, ${part})\n`)
    expect(found.map(({ code, message }) => [code === "HS1040" ? "HS1049" : code, message])).toEqual([["HS1049", message]])
    expect(found[0]!.line).toBe(4)
  })
  test.each([
    ["a forward that gives nothing", "(m: any, x: any) => undefined as any", "the spec throws: the forward of 'X' gives undefined: it gives a value, or values by name"],
    ["a forward that is given a number", "(m: any, x: any) => m.c(5)", "the spec throws: a forward works on the values that it is given and makes, not on a number"],
  ])("%s", async (_, forward, message) => {
    const found = await diagnosticsOf(`${head}export const m: any = model(define("X", { c: linear(3, 3) }, features(3), ${forward}), { name: "x", takes: { image: pixels({ size: 8 }) } } as any)\n`)
    expect(found.map(({ code, message }) => [code, message])).toEqual([["HS1005", message]])
  })
  const another = "a forward works on the values that it is given and makes, not on one of another module's forward: give it as an input"
  const declaring = "a forward works on the values that it is given and makes, not on features(…) and optional(…), which declare inputs"
  test.each([
    ["as an operand", "c: relu", "features(3)", "forward.add(x, kept.x)", another],
    ["as what a child takes", "c: linear(3, 3)", "features(3)", "m.c(kept.x)", another],
    ["as what is given", "c: relu", "features(3)", "kept.x", another],
    ["as what is asked about", "c: relu", "features(3)", "ifGiven(kept.x, (y: any) => y, () => x)", another],
    ["as a size", "c: relu", "features(3)", "forward.resizeTo(x, kept.size)", another],
    ["a declared input in place of the input", "c: linear(3, 3)", "features(3)", "m.c(features(3))", declaring],
  ])("a value kept from another module's forward, %s: its name would be taken for this one's", async (_, children, inputs, forward, message) => {
    const found = await diagnosticsOf(
      `${head}const kept: any = {}
define("Other", { c: relu }, { x: features(3), size: extent() }, (m: any, { x, size }: any) => { kept.x = x; kept.size = size; return m.c(x) })
export const m: any = model(define("X", { ${children} }, ${inputs}, (m: any, x: any): any => ${forward}), { name: "x", takes: { image: pixels({ size: 8 }) } } as any)
`,
    )
    expect(found.map(({ code, message, line }) => [code, message, line])).toEqual([["HS1005", `the spec throws: ${message}`, 6]])
  })
  test("nor from the forward around it", () => {
    const inside = (x: any) => define("Inner", { c: linear(3, 3) }, features(3), (m: any) => m.c(x))
    expect(() => define("Outer", { c: relu }, features(3), (_, x: any) => (inside(x), x))).toThrow(another)
  })
})

describe("HS1040: numbers that another number of the call bounds, by the name of the option or argument", () => {
  const given = (call: string, shape: readonly number[]) =>
    `${head.replace("training,", "training, vit, swinBlock, windowAttention, patchMerging, samBlock, samGridAttention, samAttention,")}export const m: any = model(${call} as any, { name: "x", takes: { x: { kind: "given", shape: [${shape}] } } } as any)\n`
  test.each([
    ["vit({ width: 192, depth: 1, heads: 3, mlpRatio: 3.3, gives: 2 })", "vit: mlpRatio is a number above 0, at most 100, whose product with 192 is whole, not 3.3"],
    ["vit({ width: 192, depth: 1, heads: 5, gives: 2 })", "vit: width is a whole number from 1 to 1,000,000, a multiple of 5, not 192"],
    ["swinBlock(96, 3, [14, 14], 7, { mlpRatio: 2.01 })", "swinBlock: mlpRatio is a number above 0, at most 100, whose product with 96 is whole, not 2.01"],
    ["swinBlock(96, 5, [14, 14], 7)", "swinBlock: width is a whole number from 1 to 1,000,000, a multiple of 5, not 96"],
    ["swinBlock(96, 3, [15, 14], 7)", "swinBlock: grid is a whole number from 1 to 1,000,000, a multiple of 7, not 15"],
    ["windowAttention(96, 7, 7)", "windowAttention: width is a whole number from 1 to 1,000,000, a multiple of 7, not 96"],
    ["patchMerging(96, [7, 14])", "patchMerging: grid is a whole number from 1 to 1,000,000, a multiple of 2, not 7"],
    ["samBlock(64, 3, 256, 8, 4)", "samBlock: width is a whole number from 1 to 1,000,000, a multiple of 3, not 64"],
    ["samGridAttention(64, 3, 8)", "samGridAttention: width is a whole number from 1 to 1,000,000, a multiple of 3, not 64"],
    ["samAttention(64, 32, 3)", "samAttention: inner is a whole number from 1 to 1,000,000, a multiple of 3, not 32"],
  ])("%s", async (call, message) => {
    const found = await diagnosticsOf(given(call, [196, 96]))
    expect(found.map(({ code, message, line, column }) => [code, message, line, column])).toEqual([["HS1040", message, 4, 29]])
  })
  test("of sam, whose options are its network's", async () => {
    const found = await diagnosticsOf(`${head}export const m = sam({ imageSize: 32, patchSize: 8, width: 16, depth: 1, heads: 2, mlpRatio: 1.3, globalBlocks: [0] })\n`)
    expect(found.map(({ message }) => message)).toEqual(["sam: mlpRatio is a number above 0, at most 100, whose product with 16 is whole, not 1.3"])
  })
  test("what float noise makes of a whole product is whole, and is counted so", async () => {
    expect(100 * 1.1).not.toBe(110)
    const tensors = tensorsOf(hasam.swinBlock(100, 5, [7, 7], 7, { mlpRatio: 1.1 }) as any)
    expect(tensors.find(({ name }) => name === "mlp.fc1.weight")!.shape).toEqual([110, 100])
    expect(await diagnosticsOf(given("swinBlock(100, 5, [7, 7], 7, { mlpRatio: 1.1 })", [49, 100]))).toEqual([])
  })
  test("a window that covers the grid is the grid, and another MLP has no ratio", async () => {
    expect(await diagnosticsOf(given("swinBlock(96, 3, [5, 5], 7, { mlpRatio: 2.01, mlp: linear(96, 96) as any })", [25, 96]))).toEqual([])
  })
})

test("HS1051: a whole number as a name in a chain, which would run in another order than it is written in", async () => {
  const found = await diagnosticsOf(`${head}export const m: any = model(chain({ conv: linear(3, 4), 0: linear(4, 3) }) as any, { name: "x", takes: { x: { kind: "given", shape: [3] } } } as any)\n`)
  expect(found.map(({ code, message, line, column }) => [code, message, line, column])).toEqual([
    ["HS1051", "chain: the name '0' is a whole number, and JavaScript puts such names first, whatever their order", 4, 29],
  ])
})
test("in define, whole numbers as names change no value: only the forward says what runs when", () => {
  const conv = linear(3, 3)
  const norm = layerNorm(3)
  const tensors = (children: any, forward: any) => tensorsOf(define("X", children, features(3), forward) as any).map(({ name, init }) => [name, init])
  const mixed = tensors({ conv, 0: norm }, (m: any, x: any) => m[0](m.conv(x)))
  const words = tensors({ conv, norm }, (m: any, x: any) => m.norm(m.conv(x)))
  expect(mixed.map(([name]) => name)).toEqual(["0.weight", "0.bias", "conv.weight", "conv.bias"])
  expect(mixed.map(([name, init]) => [String(name).replace("0.", "norm."), init]).toSorted()).toEqual(words.toSorted())
})

test("HS1049: something else than a list of placements, where no type tells it", () => {
  const { status, text } = compile(`${head}export const m: any = pipe(tiny, freezeAll, adapt(uniform(2, 4), ((rank: Rank) => afterAttention(adapter(rank))) as any))\n`)
  expect([status, text]).toEqual([1, expect.stringContaining("error HS1049: adapt takes a function that gives a list of placements, not a placement: put [ ] around it")])
})

test("HS1050: an analysis that takes too long is ended", () => {
  expect(withinTime(() => 7)).toBe(7)
  expect(() => withinTime(() => { throw new Error("own") })).toThrow("own")
  const started = Date.now()
  expect(withinTime(() => { for (;;) Math.random() }, 50)).toBe("timeout")
  expect(Date.now() - started).toBeLessThan(20_000)
  writeFileSync(join(folder, "slow.ts"), `${head}export const slow = tiny\n`)
  const run = spawnSync(process.execPath, [join(packageRoot, "bin/hasam-compile.js"), "slow.ts"], { cwd: folder, encoding: "utf8", env: { ...process.env, HASAM_ANALYSIS_LIMIT: "1" } })
  expect([run.status, run.stderr]).toEqual([1, expect.stringContaining("error HS1050: analysing 'slow' took longer than 0.001 s")])
})

test("HS1022: an image larger than any", async () => {
  const found = await diagnosticsOf(`${head}import { conv2d, masks, upsample } from "hasam"
const net = sequential(conv2d(1, 1, 1), ...Array.from({ length: 6 }, () => upsample(64)) as any)
export const m = model(net as any, { name: "x", takes: { image: pixels({ size: 8, channels: 1 }) }, teaches: { masks: masks() } } as any)
`)
  expect(found.map(({ code, message }) => `${code} ${message}`)).toEqual(["HS1022 m > 3: an image cannot be 2097152 × 2097152: it has 1 to 65536 pixels a side"])
})
test("HS1040: groups that divide no widths; a budget that no rank fills is told once at each place", async () => {
  const found = await diagnosticsOf(`${head}import { conv2d, fitTrainable } from "hasam"
export const a: any = model(conv2d(4, 6, 3, { groups: 4 }), { name: "x", takes: { image: pixels({ size: 8, channels: 4 }) } })
export const b: any = pipe(tiny, freezeAll, adapt(fitTrainable(9e15)(uniform(2, 4)), (rank) => [afterAttention(adapter(rank))]))
`)
  expect(found.map(({ code, message }) => `${code} ${message}`)).toEqual(expect.arrayContaining(["HS1040 conv2d: 4 groups do not divide 6 features"]))
  expect(found.length).toBeLessThan(5)
})

test("adapters that are none, and blocks that are none", async () => {
  const found = await diagnosticsOf(`${head}import { blocks, without } from "hasam"
export const a: any = pipe(tiny, freezeAll, adapt(without(1, 2)(uniform(2, 4)), (rank) => [afterAttention(adapter(rank))]))
export const b: any = pipe(tiny, freezeAll, adapt(uniform(2, 4), () => []))
export const c: any = pipe(tiny, freeze(blocks()))
`)
  expect(found.filter(({ code }) => code !== "HS1024").map(({ code, severity, line, message }) => [code, severity, line, message])).toEqual([
    ["HS1045", "warning", 5, "in 'a', this adapt adds nothing: no block has both a rank and a placement"],
    ["HS1045", "warning", 6, "in 'b', this adapt adds nothing: no block has both a rank and a placement"],
    ["HS1018", "error", 7, "freeze: no block is named"],
  ])
})

describe("blame", () => {
  test("HS1008: a function that would give a model", () => {
    const { text } = compile(`${head}export const make = (r: number) => pipe(tiny, freezeAll, adapt(uniform(2, r), (rank) => [afterAttention(adapter(rank))]))\n`)
    expect(text).toContain("'make' is a function: call it, and export what it gives: export const make = make(…).".replace("make = make", "mine = make"))
  })
  test.each([
    ["no [ ] around placements", "adapt(uniform(2, 4), (rank) => afterAttention(adapter(rank)))"],
    ["an adapter in place of a function", "adapt(uniform(2, 4), adapter(4 as Rank))"],
    ["junk returned", "adapt(uniform(2, 4), () => 7)"],
    ["what is no function", "(tiny as any as string)"],
  ])("types first, and nothing that only follows: %s", (_, part) => {
    const { status, text } = compile(`${head}export const m = pipe(tiny, freezeAll, ${part})\n`)
    expect(status).toBe(1)
    expect(text).toMatch(/error (TS\d+|HS1049)/)
    expect(text).not.toMatch(/HS1005|is not a function|Cannot read|undefined|\$\{/)
  })
  test("a # in a folder's name", () => {
    mkdirSync(join(folder, "a#b%20c"), { recursive: true })
    const { status, out } = compile(`${head}export const m = pipe(tiny, expectTrainable(1))\n`, "a#b%20c/spec.ts")
    expect(out).toContain("m  SAM")
    expect(status).toBe(1)
    const { text } = compile(`${head}export const m = pipe(tiny, expectTrainable(1))\n`, "a#b%20c/spec.ts")
    expect(text).toContain("a#b%20c/spec.ts(4,29): error HS1003")
  })
  test("a line break in a folder's name", () => {
    mkdirSync(join(folder, "a\nb"), { recursive: true })
    const { text } = compile(`${head}export const m = sequential(linear(3, 4), linear(5, 6))\n`, "a\nb/spec.ts")
    expect(text).toMatch(/^a\\u\{000a\}b\/spec\.ts\(4,\d+\): error HS1010/)
    expect(text).not.toContain("hasam-tsc-")
  })
  test("a folder that was deleted, a full device for the answer", () => {
    const gone = mkdtempSync(join(tmpdir(), "hasam-"))
    const run = (script: string) => spawnSync("bash", ["-c", script, process.execPath, join(packageRoot, "bin/hasam-compile.js")], { cwd: gone, encoding: "utf8" })
    const deleted = run('rmdir "$PWD"; "$0" "$1" spec.ts')
    expect([deleted.status, deleted.stderr]).toEqual([1, expect.not.stringContaining("internal")])
    const full = spawnSync("bash", ["-c", '"$0" "$1" spec.ts --json > /dev/full', process.execPath, join(packageRoot, "bin/hasam-compile.js")], { cwd: folder, encoding: "utf8" })
    expect([full.status, full.stderr]).toEqual([1, expect.stringContaining("HS4001: the file cannot be written: the disk is full")])
  })
})
