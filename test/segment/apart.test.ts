/** What is written never lands among what it is made from: no truth is lost, and nothing that was asked for is left undone in silence. */
import { existsSync, mkdtempSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { beforeAll, expect, test } from "vitest"
import { writePhantoms } from "../../src/runtime/data/phantoms/index.ts"
import { ran } from "../cli/session.ts"

const folder = mkdtempSync(join(tmpdir(), "hasam-apart-"))
const hasam = (...args: readonly string[]) => ran({ args, cwd: folder, env: process.env })
/** Every file of the data with what is in it. */
const contents = () =>
  readdirSync(join(folder, "data"), { recursive: true, encoding: "utf8" })
    .filter((name) => name.includes("."))
    .map((name) => `${name} ${readFileSync(join(folder, "data", name)).toString("base64")}`)
    .toSorted()
let before: readonly string[]

beforeAll(async () => {
  writeFileSync(
    join(folder, "spec.ts"),
    `import { classes, conv2d, masks, model, pixels, study, training } from "hasam"
const takes = { image: pixels({ size: 16 }) }
export const one = model(conv2d(3, 1, 1), { name: "one", takes, teaches: { masks: masks() } })
export const three = model(conv2d(3, 3, 1), { name: "three", takes, teaches: { masks: classes("background", "nerve", "vessel") } })
export const ofOne = training(one, { epochs: 1 })
export const ofThree = training(three, { epochs: 1 })
export const both = study({ trainings: [ofOne, ofThree], seeds: [1] })
`,
  )
  await writePhantoms(join(folder, "data"), { n: 8, size: 32, seed: 3, perSubject: 1 })
  symlinkSync("data", join(folder, "linked"))
  before = contents()
})

test.each([
  ["HS5331", ["segment", "spec.ts#one", "data/images", "--out", "data"]],
  ["HS5331", ["segment", "spec.ts#one", "data/images", "--out", "linked"]],
  ["--out: error HS5002", ["train", "spec.ts#one", "--data", "data", "--out", "data"]],
  ["--out: error HS5002", ["train", "spec.ts#one", "--data", "data/data.csv", "--out", "data/"]],
  ["--out: error HS5002", ["train", "spec.ts#one", "--data", "data", "--out", "linked"]],
  ["--out: error HS5002", ["train", "spec.ts#one", "--data", "data", "--out", "data/masks"]],
  ["--out: error HS5002", ["eval", "spec.ts#one", "--data", "data", "--part", "all", "--out", "data"]],
  ["--out: error HS5002", ["eval", "spec.ts#one", "--data", "data", "--part", "all", "--out", "data/images"]],
  ["--out: error HS5002", ["study", "spec.ts#both", "--data", "data", "--out", "data"]],
])("%s: %j leaves the data as they are", (told, args) => {
  const { status, talk } = hasam(...args)
  expect(talk).toContain(told)
  expect(status).toBe(told === "HS5331" ? 1 : 2)
  expect(contents()).toEqual(before)
})

test.each([
  [
    "run",
    "spec.ts#one",
    "--weights",
    "weights.safetensors",
    "--inputs",
    "in.safetensors",
    "--outputs",
    "weights.safetensors",
  ],
  ["run", "spec.ts#one", "--inputs", "weights.safetensors", "--outputs", "./weights.safetensors"],
  ["weights", "convert", "weights.safetensors", "weights.safetensors"],
])("%s %s %s …: a file is not written over what it is made from", (...args) => {
  const weights = () => readFileSync(join(folder, "weights.safetensors")).toString("base64")
  if (!existsSync(join(folder, "weights.safetensors"))) hasam("weights", "init", "spec.ts#one", "weights.safetensors")
  const were = weights()
  const { status, talk } = hasam(...args)
  expect(talk).toContain("would be written over what it is made from")
  expect(status).toBe(2)
  expect(weights()).toBe(were)
})

test.each([
  ["train", "spec.ts#three", "--data", "data", "--out", "run"],
  ["eval", "spec.ts#three", "--data", "data", "--part", "all"],
  ["study", "spec.ts#both", "--data", "data", "--out", "studied"],
])("a model of three classes is taught each: %s refuses to choose one", (...args) => {
  const { status, talk } = hasam(...args, "--class", "1")
  expect(talk).toContain("--class: error HS5002: --class does nothing for a model of 3 classes")
  expect(status).toBe(2)
  expect(existsSync(join(folder, "run", "run.json"))).toBe(false)
})
