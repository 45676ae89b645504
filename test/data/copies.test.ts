/** Images that are there more than once, as byte copies or encoded again: found by their pixels, kept in one part by the command and by studies. */
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import sharp from "sharp"
import { beforeAll, expect, test } from "vitest"
import { withCopies } from "../../src/runtime/data/copies.ts"
import { openData } from "../../src/runtime/data/layouts/index.ts"
import { ran } from "../cli/session.ts"
import { rectangle, scan, temporary, write, writeGrey } from "./helpers.ts"

const n = 24
let root = ""
beforeAll(async () => {
  root = await temporary()
  for (let i = 0; i < n; i++) {
    await writeGrey(join(root, "data/images", `${i}.png`), 32, 32, scan(32, 32, i + 1))
    await writeGrey(join(root, "data/masks", `${i}.png`), 32, 32, rectangle(32, 32, 255, [4 + (i % 5), 6, 20, 24]))
  }
  const image = (i: number) => join(root, "data/images", `${i}.png`)
  copyFileSync(image(3), image(17))
  // The same pixels in other bytes.
  const again = await sharp(readFileSync(image(5)))
    .png({ compressionLevel: 0, adaptiveFiltering: true })
    .toBuffer()
  expect(again.equals(readFileSync(image(5)))).toBe(false)
  writeFileSync(image(20), again)
})

test("copies are found by their pixels; one grey value more makes another image", async () => {
  const { cases } = await openData(join(root, "data"))
  const { copies, cases: marked } = await withCopies(cases)
  expect(copies.map((group) => group.map(({ id }) => id).sort())).toEqual([
    ["17", "3"],
    ["20", "5"],
  ])
  expect(marked.filter(({ copyOf }) => copyOf !== undefined).length).toBe(4)
  expect(marked.map(({ id }) => id)).toEqual(cases.map(({ id }) => id))
})

const parts = (file: string): ReadonlyMap<string, string> =>
  new Map(JSON.parse(readFileSync(file, "utf8")).cases.map(({ id, part }: { id: string; part: string }) => [id, part]))

test("hasam data split keeps them together, and says which", () => {
  let apart = 0
  for (const seed of ["0", "1", "2", "3"]) {
    const out = join(root, `split-${seed}.json`)
    const { status, talk } = ran({
      args: ["data", "split", "data", "--out", out, "--seed", seed],
      ...{ cwd: root, env: process.env },
    })
    expect(status).toBe(0)
    expect(talk).toContain("images that are there more than once stay together: 17 = 3, 20 = 5")
    const of = parts(out)
    expect(of.size).toBe(n)
    expect([of.get("3"), of.get("5")]).toEqual([of.get("17"), of.get("20")])
    if (of.get("3") !== of.get("5")) apart += 1
    const checked = ran({ args: ["data", "check", "data", "--split", out], cwd: root, env: process.env })
    expect(checked.status, checked.talk).toBe(0)
  }
  expect(apart).toBeGreaterThan(0)
})

test("a study of such data runs to its end, and its jobs take the splits that are there", async () => {
  mkdirSync(join(root, "study"), { recursive: true })
  await write(
    join(root, "study/spec.ts"),
    `import { conv2d, masks, model, pixels, study, training } from "hasam"
export const net = model(conv2d(3, 1, 3, { padding: 1 }), { name: "net", takes: { image: pixels({ size: 32 }) }, teaches: { masks: masks() } })
export const how = training(net, { epochs: 1, batch: 2 })
export const all = study({ trainings: [how], seeds: [0, 1, 2] })
`,
  )
  const args = ["study", "study/spec.ts", "--data", "data", "--out", "study/out"]
  const first = ran({ args, cwd: root, env: process.env })
  expect(first.status, first.talk).toBe(0)
  expect(first.talk).not.toContain("error HS4207")
  const split = join(root, "study/out/split.json")
  const of = parts(split)
  expect([of.get("3"), of.get("5")]).toEqual([of.get("17"), of.get("20")])
  const before = readFileSync(split, "utf8")
  const again = ran({ args, cwd: root, env: process.env })
  expect(again.status, again.talk).toBe(0)
  expect(readFileSync(split, "utf8")).toBe(before)
})
