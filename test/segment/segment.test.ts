/** hasam segment, as a user calls it: the same masks as eval measures, objects, folds, jobs, and going on. */
import { execFileSync } from "node:child_process"
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { beforeAll, expect, test } from "vitest"
import { readImage, readLabels } from "../../src/runtime/data/image.ts"
import { writePhantoms } from "../../src/runtime/data/phantoms/index.ts"
import { diceOf } from "../../src/runtime/task/masks.ts"
import { ran } from "../cli/session.ts"
import { writeGrey } from "../data/helpers.ts"

const folder = mkdtempSync(join(tmpdir(), "hasam-segment-"))
const hasam = (...args: readonly string[]) => {
  const { status, out, talk } = ran({ args, cwd: folder, env: process.env })
  return { status, out, text: talk }
}
const done = (...args: readonly string[]) => {
  const result = hasam(...args)
  if (result.status !== 0) throw new Error(`hasam ${args.join(" ")}: exit code ${result.status}\n${result.text}`)
  return result
}
const at = (...path: readonly string[]) => join(folder, ...path)
const table = (path: string) => {
  const [header, ...lines] = readFileSync(at(path), "utf8").trim().split("\n")
  return lines.map((line) => Object.fromEntries(line.split(",").map((v, i) => [header!.split(",")[i]!, v])))
}
const maskIn = async (path: string) => {
  const { width, height, values } = await readLabels(at(path))
  return { width, height, data: Uint8Array.from(values, (v) => Number(v > 0)) }
}
const names = ["0000", "0001", "0002", "0003"]

beforeAll(async () => {
  writeFileSync(
    at("tiny.ts"),
    `import { adam, freezeAll, pipe, sam, training, unfreeze } from "hasam"
export const model = pipe(sam({ imageSize: 32, patchSize: 8, width: 16, depth: 1, heads: 2, globalBlocks: [0], outChannels: 16, maskChannels: 4,
  decoder: { depth: 1, heads: 2, mlpWidth: 16, iouWidth: 8, iouDepth: 2, maskTokens: 2 } }), freezeAll, unfreeze("maskDecoder"))
export const how = training(model, { optimizer: adam({ rate: 1e-2 }), epochs: 3, batch: 2 })
`,
  )
  await writePhantoms(at("data"), { n: 12, size: 48, seed: 1, perSubject: 2 })
  done("train", "tiny.ts", "--data", "data/data.csv", "--out", "run")
  const points = names.map((name, i) => `${name},${14 + i},${12 + i}`)
  writeFileSync(at("points.csv"), `id,x,y\n${points.join("\n")}\n`)
  const { width, height } = await readImage(at("data/images/0000.png"))
  const classes = Array.from({ length: width * height }, (_, i) => i % 3)
  await writeGrey(at("classes.png"), width, height, classes)
  mkdirSync(at("empty"))
  for (const name of readdirSync(at("data/images")))
    await writeGrey(
      at("empty", name),
      width,
      height,
      classes.map(() => 0),
    )
  const ids = readdirSync(at("data/images")).map((name) => name.replace(".png", ""))
  writeFileSync(at("empty.csv"), `id,mask\n${ids.map((id) => `${id},empty/${id}.png`).join("\n")}\n`)
  const [header, ...rows] = readFileSync(at("data/data.csv"), "utf8").trim().split("\n")
  writeFileSync(at("data/four.csv"), `${header}\n${rows.slice(0, 4).join("\n")}\n`)
}, 60_000)
const images = names.map((name) => `data/images/${name}.png`)

test("the masks are those that eval measures, at the images' own names and sizes", async () => {
  done("segment", "run", ...images, "--out", "masks", "--prompts", "points.csv")
  const results = done(
    "eval",
    "run",
    "--data",
    "data/four.csv",
    "--part",
    "all",
    "--prompt",
    "file",
    "--points",
    "points.csv",
    "--out",
    "eval",
    "--json",
  )
  const { cases } = JSON.parse(results.out) as { cases: { id: string; dice: number }[] }
  expect(readdirSync(at("masks/masks"))).toEqual(names.map((name) => `${name}.png`))
  for (const { id, dice } of cases) {
    const image = await readImage(at(`data/images/${id}.png`))
    const [mask, truth] = [await maskIn(`masks/masks/${id}.png`), await maskIn(`data/masks/${id}.png`)]
    expect([mask.width, mask.height]).toEqual([image.width, image.height])
    expect(diceOf(mask, truth)).toBeCloseTo(dice, 6)
  }
  expect(table("masks/table.csv").map(({ id, object }) => [id, object])).toEqual(names.map((name) => [name, "1"]))
  expect(Object.keys(table("masks/table.csv")[0]!)).toContain("iou_predictions")
})

test("a point, a box and a mask of one object go together, in the csv and as options; eval takes the same csv", async () => {
  const together = names.flatMap((name, i) => [
    `${name},${14 + i},${12 + i},1,a,,,,,`,
    `${name},2,3,0,a,,,,,`,
    `${name},,,,a,5,${4 + i},40,30,masks/masks/${name}.png`,
  ])
  writeFileSync(at("together.csv"), `id,x,y,label,object,x0,y0,x1,y1,mask\n${together.join("\n")}\n`)
  done("segment", "run", ...images, "--out", "together", "--prompts", "together.csv", "--no-overlays")
  const evaluated = ["eval", "run", "--data", "data/four.csv", "--part", "all", "--prompt", "file", "--out", "eval-all"]
  const { cases } = JSON.parse(done(...evaluated, "--points", "together.csv", "--json").out) as {
    cases: { id: string; dice: number }[]
  }
  expect(cases.map(({ id }) => id)).toEqual(names)
  for (const { id, dice } of cases) {
    const [mask, truth] = [await maskIn(`together/masks/${id}.png`), await maskIn(`data/masks/${id}.png`)]
    expect(diceOf(mask, truth)).toBeCloseTo(dice, 6)
  }
  expect(table("together/table.csv").map(({ object }) => object)).toEqual(names.map(() => "1"))
  // Options say the same of one place in all images as a csv does.
  writeFileSync(
    at("one.csv"),
    "id,object,x,y,x0,y0,x1,y1,mask\n0000,a,20,15,,,,,\n0000,a,,,5,4,40,30,masks/masks/0000.png\n",
  )
  const one = ["segment", "run", images[0]!, "--probabilities", "--no-overlays", "--out"]
  done(...one, "csv", "--prompts", "one.csv")
  done(...one, "options", "--point", "20,15", "--box", "5,4,40,30", "--mask", "masks/masks")
  const bytes = (path: string) => readFileSync(at(path))
  expect(bytes("options/probabilities/0000.png")).toEqual(bytes("csv/probabilities/0000.png"))
})

test("on other data an evaluation leaves the run's own results as they are", () => {
  done("eval", "run")
  const own = readFileSync(at("run/results.json"), "utf8")
  const { text } = done("eval", "run", "--data", "data/four.csv", "--part", "all")
  expect(readFileSync(at("run/results.json"), "utf8")).toBe(own)
  const [name] = readdirSync(at("run/evaluations"))
  expect(name).toMatch(/^four-[0-9a-f]{6}$/)
  expect(text).toContain(`results are in ${join("run", "evaluations", name!)}`)
  expect(JSON.parse(readFileSync(at("run/evaluations", name!, "results.json"), "utf8")).dataset).toBe("four.csv")
  done("compare", join("run", "evaluations", name!), "run")
  const refused = hasam("eval", "run", "--data", "data/four.csv", "--part", "all", "--out", "run")
  expect(refused.text).toContain("--out: error HS5002: this is the run's folder")
  expect(readFileSync(at("run/results.json"), "utf8")).toBe(own)
})

test("the same command does nothing twice, and other options do not mix", () => {
  const before = statSync(at("masks/masks/0000.png")).mtimeMs
  expect(done("segment", "run", ...images, "--out", "masks", "--prompts", "points.csv").text).toContain(
    "4 images were done before",
  )
  expect(statSync(at("masks/masks/0000.png")).mtimeMs).toBe(before)
  const other = hasam("segment", "run", ...images, "--out", "masks", "--prompts", "points.csv", "--flip")
  expect([other.status, other.text.includes("HS5331")]).toEqual([1, true])
})

test("what was written among the images is no image when the command goes on", () => {
  mkdirSync(at("scans"))
  for (const name of names) cpSync(at(`data/images/${name}.png`), at(`scans/${name}.png`))
  for (const out of ["scans", "scans/out"]) {
    const again = ["segment", "run", "scans", "--out", out, "--point", "14,12"]
    expect(done(...again).out).toContain("4 images, 4 objects")
    const { out: said, text } = done(...again)
    expect(said).toContain("4 images, 4 objects")
    expect(text).toContain("4 images were done before")
    rmSync(at(out, "masks"), { recursive: true })
    rmSync(at(out, "overlays"), { recursive: true })
  }
})

test("an umlaut is one letter, however names and tables spell it", () => {
  const [files, tables] = ["müller".normalize("NFD"), "müller".normalize("NFC")]
  mkdirSync(at("umlauts", "masks"), { recursive: true })
  cpSync(at("data/images/0000.png"), at(`umlauts/${files}.png`))
  cpSync(at("data/masks/0000.png"), at(`umlauts/masks/${tables}.png`))
  writeFileSync(at("umlauts.csv"), `id,x,y\n${tables},14,12\n`)
  writeFileSync(at("umlauts-data.csv"), `image,mask\numlauts/${files}.png,umlauts/masks/${tables}.png\n`)
  const image = `umlauts/${files}.png`
  done("segment", "run", image, "--out", "umlauts-csv", "--prompts", "umlauts.csv")
  done("segment", "run", image, "--out", "umlauts-mask", "--point", "14,12", "--mask", "umlauts/masks")
  const evaluated = [
    "eval",
    "run",
    "--data",
    "umlauts-data.csv",
    "--part",
    "all",
    "--prompt",
    "file",
    "--out",
    "umlauts-eval",
  ]
  expect(done(...evaluated, "--points", "umlauts.csv").out).toContain("Dice")
})

test("several objects, boxes beside points, negative points, overlaps", async () => {
  writeFileSync(
    at("objects.csv"),
    "id,x,y,label,object,x0,y0,x1,y1\n0000,10,10,1,a,,,,\n0000,30,20,0,a,,,,\n0000,,,,b,5,5,30,25\n",
  )
  done("segment", "run", images[0]!, "--out", "objects", "--prompts", "objects.csv", "--probabilities")
  expect(table("objects/table.csv").map(({ object }) => object)).toEqual(["1", "2"])
  expect((await readLabels(at("objects/masks/0000.png"))).kind).toBe("palette")
  expect(readdirSync(at("objects/probabilities"))).toEqual(["0000.1.png", "0000.2.png"])
})

test("one run given twice is one run; jobs share a folder; shifted prompts give a confidence", async () => {
  done("segment", "run", "run", ...images, "--out", "twice", "--prompts", "points.csv")
  for (const name of names)
    expect((await maskIn(`twice/masks/${name}.png`)).data).toEqual((await maskIn(`masks/masks/${name}.png`)).data)
  for (const part of ["1/2", "2/2"])
    done(
      "segment",
      "run",
      ...images,
      "--out",
      "jobs",
      "--prompts",
      "points.csv",
      "--part",
      part,
      "--uncertainty",
      "prompts=3",
    )
  expect(readdirSync(at("jobs/masks")).length).toBe(4)
  const rows = [...table("jobs/table-1-of-2.csv"), ...table("jobs/table-2-of-2.csv")]
  expect(rows.map(({ id }) => id).sort()).toEqual(names)
  for (const { confidence } of rows) expect(Number(confidence)).toBeGreaterThan(0)
})

test("DICOM in, area in mm²; NIfTI in and out with its geometry", async () => {
  const fixture = (name: string) => fileURLToPath(new URL(`../data/files/${name}`, import.meta.url))
  done("segment", "run", fixture("regions.dcm"), "--out", "dicom", "--point", "5,4")
  const [row] = table("dicom/table.csv")
  expect(Number(row!["mm2"])).toBeCloseTo(Number(row!["pixels"]) * 0.06 * 0.07, 6)
  done("segment", "run", fixture("millimetres.nii.gz"), "--out", "nifti", "--point", "5,4", "--format", "nifti")
  const image = await readImage(fixture("millimetres.nii.gz"))
  const mask = await readImage(at("nifti/masks/millimetres.nii.gz"), { window: [0, 1] })
  expect([mask.width, mask.height, mask.axes, mask.spacing]).toEqual([
    image.width,
    image.height,
    image.axes,
    image.spacing,
  ])
})

test("links are what they lead to, a circle of them ends, and pipes are no images", () => {
  mkdirSync(at("linked/deep"), { recursive: true })
  cpSync(at("data/images/0000.png"), at("elsewhere/inner/a.png"))
  symlinkSync(at("elsewhere/inner"), at("linked/folder"))
  symlinkSync(at("data/images/0001.png"), at("linked/b.png"))
  symlinkSync("..", at("linked/deep/back"))
  execFileSync("mkfifo", [at("linked/pipe.png"), at("linked/pipe")])
  done("segment", "run", "linked", "--out", "linked-masks", "--point", "14,12")
  expect(table("linked-masks/table.csv").map(({ id }) => id)).toEqual(["b", "folder/a"])
  symlinkSync("nowhere", at("linked/gone.png"))
  expect(hasam("segment", "run", "linked", "--out", "linked-gone", "--point", "14,12").text).toContain(
    "linked/gone.png: error HS4002",
  )
  // The same of a data set's folders.
  mkdirSync(at("linked-data"))
  for (const name of ["images", "masks"]) symlinkSync(at("data", name), at("linked-data", name))
  expect(hasam("data", "check", "linked-data")).toMatchObject({ status: 0 })
})

test.each([
  [["run", "data/images/0000.png", "--out", "no"], "HS4402: the model is asked about a place, and none is given"],
  [["run", "--out", "no", "--point", "1,1"], "HS5002: there are no images to segment"],
  [["run", "data/images", "--out", "no", "--prompts", "points.csv"], "HS4402: there is no prompt for 8 of 12 images"],
  [
    ["run", "data/images/0000.png", "--out", "beyond", "--point", "900,1"],
    "HS4402: the point (900, 1) of 0000 lies outside",
  ],
  [["run", "data/images/0000.png", "--out", "no", "--prompts", "points.csv", "--box", "1,1,2,2"], "does not go with"],
  [["run", "data/images/0000.png", "--out", "no", "--point", "1,1", "--localizer", "run"], "does not go with"],
  [["run", "data/images", "--out", "no", "--mask", "masks/masks"], "HS4402: there is no prompt for 8 of 12 images"],
  [["run", "data/images/0000.png", "--out", "no", "--mask", "classes.png"], "HS4402: the mask holds 0, 1, 2"],
  [
    ["run", "data/images", "--out", "no", "--mask", "empty"],
    "HS4402: the mask is empty: it says nothing of where the object is; the same of 11 more: 0001.png, 0002.png",
  ],
  [["run", "data/images/0000.png", "--out", "no", "--prompts", "empty.csv"], "HS4402: the mask is empty"],
  [
    [
      "eval",
      "run",
      "--data",
      "data/four.csv",
      "--part",
      "all",
      "--out",
      "no-eval",
      "--prompt",
      "file",
      "--points",
      "empty.csv",
    ],
    "HS4402: the mask is empty",
  ],
] as const)("hasam segment %j", (args, message) => {
  const { status, text } = args[0] === "eval" ? hasam(...args) : hasam("segment", ...args)
  expect([status === 0, text.includes(message)]).toEqual([false, true])
})
