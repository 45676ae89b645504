/** What hasam study refuses: no such study, a folder of another one, splits that are not as many; and a job that fails in its process. */
import { spawnSync } from "node:child_process"
import { cpSync, existsSync, mkdtempSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { pathToFileURL } from "node:url"
import { beforeAll, expect, test } from "vitest"
import { packageRoot } from "../../src/compiler/frontend/package.ts"
import { writePhantoms } from "../../src/runtime/data/phantoms/index.ts"
import type { StudySettings } from "../../src/runtime/study/open.ts"

// The built one: specs are evaluated by its worker.
const { openStudy, prepareFolder }: typeof import("../../src/runtime/study/open.ts") = await import(
  /* @vite-ignore */ pathToFileURL(join(packageRoot, "dist/runtime/study/open.js")).href
)
const folder = mkdtempSync(join(tmpdir(), "hasam-study-"))
const at = (...names: readonly string[]) => join(folder, ...names)

beforeAll(async () => {
  writeFileSync(
    at("spec.ts"),
    `import { conv2d, masks, model, pixels, study, training } from "hasam"
export const net = model(conv2d(3, 1, 3, { padding: 1 }), { name: "net", takes: { image: pixels({ size: 32 }) }, teaches: { masks: masks() } })
export const other = model(conv2d(3, 1, 1), { name: "other", takes: { image: pixels({ size: 32 }) }, teaches: { masks: masks() } })
export const how = training(net, { epochs: 1, batch: 2 })
export const toMany = training(other, { epochs: 1, batch: 50 })
export const one = study({ trainings: [net, how] })
export const folded = study({ trainings: [net, how], folds: 3 })
export const failing = study({ trainings: [how, toMany] })
`,
  )
  writeFileSync(at("none.ts"), `import { conv2d, masks, model, pixels } from "hasam"
export const net = model(conv2d(3, 1, 3, { padding: 1 }), { name: "net", takes: { image: pixels({ size: 32 }) }, teaches: { masks: masks() } })
`)
  await writePhantoms(at("data"), { n: 8, size: 48, seed: 2, perSubject: 1 })
})

const open = async (spec: string, more: Partial<StudySettings> = {}) => {
  const opened = await openStudy(at(spec), { data: at("data"), out: at("out"), ...more })
  await prepareFolder(opened)
  return opened
}
const told = (spec: string, more: Partial<StudySettings> = {}): Promise<unknown> =>
  open(spec, more).then(
    () => [],
    (problem: { readonly diagnostics?: unknown }) => problem.diagnostics ?? Promise.reject(problem),
  )

test("HS5340: none of that name, several and none named, none at all", async () => {
  expect(await told("spec.ts#absent")).toMatchObject([{ code: "HS5340", message: "the spec exports no study 'absent'" }])
  expect(await told("spec.ts")).toMatchObject([
    { code: "HS5340", message: "the spec has several studies: one, folded, failing" },
  ])
  expect(await told("none.ts")).toMatchObject([{ code: "HS5340", message: "the spec exports no study" }])
})

test("HS5341: a folder that another study began; the same again goes on", async () => {
  expect(await told("spec.ts#one", { weights: { nobody: "x.pth" } })).toMatchObject([
    { code: "HS5002", message: "the study compares no 'nobody'" },
  ])
  expect(existsSync(at("out"))).toBe(false)
  await open("spec.ts#one")
  await open("spec.ts#one")
  expect(await told("spec.ts#folded", { split: at("out/split.json") })).toMatchObject([
    { code: "HS5002", message: "there are 1 splits, and the study has 3 folds" },
  ])
  expect(await told("spec.ts#one", { epochs: 3 })).toMatchObject([
    { code: "HS5341", message: "the folder holds a study with other 'net', 'how'" },
  ])
  cpSync(at("data"), at("data2"), { recursive: true })
  expect(await told("spec.ts#one", { data: at("data2") })).toMatchObject([
    { code: "HS5341", message: "the folder holds a study with other data" },
  ])
})

test("HS5342: a job that fails in its process; the others are kept, and its log's words are told", () => {
  const args = ["study", "spec.ts#failing", "--data", "data", "--out", "failing", "--jobs", "2"]
  const { status, stderr } = spawnSync(process.execPath, [join(packageRoot, "bin/hasam.js"), ...args], {
    cwd: folder,
    encoding: "utf8",
  })
  expect(status, stderr).toBe(1)
  expect(stderr).toContain("warning HS1061: the trainings of the study 'failing' have other budgets: batch: net 2, other 50")
  expect(stderr).toMatch(/failing\/logs\/other-seed0\.txt: error HS5342: the job other-seed0 failed: .*error HS5307/)
  expect(existsSync(at("failing/runs/net-seed0/results.json"))).toBe(true)
})
