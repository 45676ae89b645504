/** hasam eval on data that a model was not trained on: without a split, of one image, of empty masks. */
import { mkdtempSync, readFileSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { beforeAll, expect, test } from "vitest"
import { writePhantoms } from "../../src/runtime/data/phantoms/index.ts"
import { ran } from "../cli/session.ts"
import { writeGrey } from "../data/helpers.ts"

const folder = mkdtempSync(join(tmpdir(), "hasam-eval-"))
const hasam = (...args: readonly string[]) => {
  const { status, out, talk } = ran({ args, cwd: folder, env: process.env })
  return { status, out, text: talk }
}
const cases = (out: string) =>
  (JSON.parse(out) as { readonly cases: readonly { readonly id: string; readonly dice: number }[] }).cases

beforeAll(async () => {
  writeFileSync(
    join(folder, "tiny.ts"),
    `import { adam, freezeAll, pipe, sam, training, unfreeze } from "hasam"
export const model = pipe(sam({ imageSize: 32, patchSize: 8, width: 16, depth: 1, heads: 2, globalBlocks: [0], outChannels: 16, maskChannels: 4,
  decoder: { depth: 1, heads: 2, mlpWidth: 16, iouWidth: 8, iouDepth: 2, maskTokens: 2 } }), freezeAll, unfreeze("maskDecoder"))
export const how = training(model, { optimizer: adam({ rate: 1e-3 }), epochs: 1, batch: 2 })
`,
  )
  await writePhantoms(join(folder, "data"), { n: 8, size: 48, seed: 1, perSubject: 4 })
})

/** The phantoms' table with other columns and rows. */
const table = (name: string, header: string, row: (image: string, mask: string, i: number) => string, n = 8) => {
  const [, ...lines] = readFileSync(join(folder, "data/data.csv"), "utf8").trim().split("\n")
  const rows = lines.slice(0, n).map((line, i) => row(line.split(",")[0]!, line.split(",")[1]!, i))
  writeFileSync(join(folder, `data/${name}.csv`), `${header}\n${rows.join("\n")}\n`)
  return `data/${name}.csv`
}

test.each([
  ["a table whose rows are all test", () => table("tests", "image,mask,split", (a, b) => `${a},${b},test`), [], 8],
  ["one image", () => table("one", "image,mask", (a, b) => `${a},${b}`, 1), [], 1],
  ["two patients", () => table("two", "image,mask,patient_id", (a, b, i) => `${a},${b},${i % 2}`), [], 8],
  ["two patients, all of them", () => "data/two.csv", ["--part", "all"], 8],
] as const)("%s", (_, data, options, n) => {
  const { status, out, text } = hasam("eval", "tiny.ts", "--data", data(), "--json", ...options)
  expect([status, text.includes("error")]).toEqual([0, false])
  expect(cases(out).length).toBe(n)
})

test("a part that is asked for and not there is an error, not a mean over nothing", () => {
  const { status, text } = hasam(
    "eval",
    "tiny.ts",
    "--data",
    table("tests", "image,mask,split", (a, b) => `${a},${b},test`),
    "--part",
    "train",
  )
  expect(status).toBe(1)
  expect(text).toMatch(/HS5330|HS4302/)
})

test("empty masks: nothing to prompt from them, and cases when points are given", async () => {
  for (const i of [1, 2]) {
    await writeGrey(
      join(folder, `empty/images/${i}.png`),
      40,
      30,
      Uint8Array.from({ length: 1200 }, (_, p) => (p * 7 * i) % 251),
    )
    await writeGrey(join(folder, `empty/masks/${i}.png`), 40, 30, new Uint8Array(1200))
  }
  const none = hasam("eval", "tiny.ts", "--data", "empty", "--part", "all")
  expect([none.status, none.text.includes("HS5330: there is nothing to evaluate")]).toEqual([1, true])
  writeFileSync(join(folder, "points.csv"), "id,x,y\n1,5,5\n2,20,10\n")
  const { status, out } = hasam(
    "eval",
    "tiny.ts",
    "--data",
    "empty",
    "--part",
    "all",
    "--prompt",
    "file",
    "--points",
    "points.csv",
    "--json",
  )
  expect(status).toBe(0)
  // Right where nothing is found, wrong where something is.
  expect(cases(out).map(({ dice }) => dice === 0 || dice === 1)).toEqual([true, true])
})

test("NSD's tolerance, prompts that are moved, the background: measured, or told that they do nothing", () => {
  const at = (...options: readonly string[]) =>
    hasam("eval", "tiny.ts", "--data", "data/data.csv", "--part", "all", ...options)
  const { out } = at("--jitter", "0.1", "--tolerance", "1mm", "--json")
  const { conventions, summaries } = JSON.parse(out)
  expect(conventions).toMatchObject({ prompt: "centre, moved by up to 10 % of the mask's box" })
  expect(conventions.nsd).toContain("within 1 mm of the other's")
  expect(summaries.nsd.interval.length).toBe(2)
  expect(at("--background").text).toContain("HS5002: --background does nothing for a model that gives masks")
  const withoutSpacing = table("bare", "image,mask", (a, b) => `${a},${b}`)
  const bare = hasam("eval", "tiny.ts", "--data", withoutSpacing, "--part", "all", "--tolerance", "1mm")
  expect(bare.text).toContain("HS5002: a tolerance in millimetres needs images whose pixel spacing is known")
})
