import { type ChildProcess, execFile, spawn } from "node:child_process"
import { createHash } from "node:crypto"
import { existsSync } from "node:fs"
import { mkdtemp, readFile } from "node:fs/promises"
import { type AddressInfo, createServer } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { cpu } from "../../../src/backends/onnx/engine.ts"
import { pytorchPackage } from "../../../src/backends/pytorch/index.ts"
import { tensorTable } from "../../../src/compiler/analysis/parameters.ts"
import {
  adamW,
  autoLr,
  box,
  centre,
  type Prompt,
  paperDefaults,
  randomInside,
  type TrainingOptions,
} from "../../../src/dsl/index.ts"
import { modelWeights } from "../../../src/runtime/base.ts"
import { openData } from "../../../src/runtime/data/layouts/index.ts"
import { writePhantoms } from "../../../src/runtime/data/phantoms/index.ts"
import { reader } from "../../../src/runtime/data/reader.ts"
import { splitCases } from "../../../src/runtime/data/split.ts"
import { saveSplit } from "../../../src/runtime/data/splitFile.ts"
import { withAdapters } from "../../../src/runtime/run/adapters.ts"
import { feedsOf, pixelsOf } from "../../../src/runtime/task/index.ts"
import { maskTarget } from "../../../src/runtime/task/masks.ts"
import { train } from "../../../src/runtime/training/train.ts"
import { PythonSession } from "../../python/index.ts"
import { adapted } from "../../run/models.ts"
import { readAll } from "../../weights/tools.ts"
import { pillow as python, writePackage } from "./tools.ts"

const model = adapted.afterAttention
const seed = 3
const options: TrainingOptions = {
  ...paperDefaults,
  epochs: 2,
  batch: 2,
  seed,
  optimizer: adamW({ rate: 1e-3 }),
  augmentation: { flip: true, rotation: 12, scale: 0.15, gain: 0.2 },
}
const environment = { ...process.env, OMP_NUM_THREADS: "1" }
const run = promisify(execFile)

describe.skipIf(python === undefined)("generated train.py", () => {
  let [root, data, folder] = ["", "", ""]
  // One after another; what is killed, and what runs beside another, has a process of its own.
  const session = new PythonSession(python)
  afterAll(() => session.end())
  const out = (name: string) => join(root, name)
  const command = (name: string, ...rest: readonly string[]) => [
    join(folder, "train.py"),
    ...[
      "--data",
      data,
      "--split",
      join(root, "split.json"),
      "--out",
      out(name),
      "--workers",
      "0",
      "--log-steps",
      "--device",
      "cpu",
      ...rest,
    ],
  ]
  const losses = async (name: string): Promise<readonly number[]> =>
    (await readFile(join(out(name), "log.jsonl"), "utf8"))
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line))
      .filter((entry) => "batch" in entry)
      .map(({ loss }) => loss)
  const epochs = async (name: string): Promise<readonly Record<string, any>[]> =>
    (await readFile(join(out(name), "log.jsonl"), "utf8"))
      .split("\n")
      .flatMap((line) => (line === "" ? [] : [JSON.parse(line)]))
      .filter((entry) => !("batch" in entry))
  const best = (name: string): Promise<Buffer> => readFile(join(out(name), "best.safetensors"))

  beforeAll(async () => {
    root = await mkdtemp(join(tmpdir(), "hasam-pytorch-"))
    data = join(root, "data")
    await writePhantoms(data, { n: 16, size: 64, seed: 5, perSubject: 2 })
    folder = join(root, "package")
    const training = { kind: "training" as const, ...options, model: model.data }
    await writePackage(folder, pytorchPackage(model.data, training, { name: "small" }))
    const opened = await openData(data)
    await saveSplit(join(root, "split.json"), splitCases(opened.cases, { seed }), opened)
    await session.said(command("one"))
  })

  it("draws the same split, orders, prompts and augmented images as hasam", async () => {
    const script = fileURLToPath(new URL("./batches.py", import.meta.url))
    const theirs = JSON.parse(await session.said([script, folder, data, join(root, "split.json"), `${seed}`]))
    const { cases } = await openData(data)
    const { train, validation, test } = splitCases(cases, { seed })
    expect(theirs.split).toEqual({ train, validation, test })
    const chosen = cases.filter(({ id }) => train.includes(id))
    const sha = (x: Float32Array) => createHash("sha256").update(new Uint8Array(x.buffer)).digest("hex")
    const jitters: readonly (readonly [Prompt, number | undefined])[] = [
      [centre, undefined],
      [randomInside, 0.3],
      [box, 0.2],
    ]
    for (const [prompt, trainingJitter] of jitters) {
      const ours = []
      const how = { seed, prompt, trainingJitter, augmentation: options.augmentation }
      const { training } = reader({ pixels: pixelsOf(model.data), ...how })
      for (const epoch of [0, 1])
        for await (const sample of training(chosen, epoch)) {
          const feeds = feedsOf([sample], model.data, prompt)
          ours.push({
            id: sample.case.id,
            image: sha(feeds["image"]!.data),
            target: sha(maskTarget([sample], pixelsOf(model.data), [1, 1, 40, 40]).data),
            prompt: [...(feeds["boxes"] ?? feeds["point_coords"]!).data],
          })
        }
      expect(theirs.prompts[prompt.kind]).toEqual(ours)
    }
  })

  it("learns as `hasam train` does: the same losses, the same adapters to six digits", async () => {
    const { cases } = await openData(data)
    const split = splitCases(cases, { seed })
    const samples = reader({
      pixels: pixelsOf(model.data),
      seed,
      prompt: options.prompt,
      augmentation: options.augmentation,
    })
    const { tensors } = await modelWeights(model.data, undefined, seed)
    const ours: number[] = []
    const { learned } = await train({
      name: "small",
      version: "1",
      model: model.data,
      options,
      weights: tensors,
      reader: samples,
      train: cases.filter(({ id }) => split.train.includes(id)),
      validation: [],
      folder: await mkdtemp(join(root, "ours-")),
      identity: { run: "run", base: "base" },
      backend: cpu(),
      resume: false,
      on: (event) => {
        if (event.kind === "step") ours.push(event.loss)
      },
    })
    const theirs = await losses("one")
    expect(theirs).toHaveLength(ours.length)
    ours.forEach((loss, i) => expect(Math.abs(theirs[i]! / loss - 1), `step ${i}`).toBeLessThan(1e-5))
    expect(ours.length).toBeGreaterThanOrEqual(10)
    // Adapters trained there load here, on the base that they name.
    const weights = await withAdapters(model.data, tensors, join(out("one"), "best.safetensors"))
    expect(Object.keys(learned).length).toBeGreaterThan(0)
    for (const name of Object.keys(learned))
      expect(
        weights[name]!.data.some((x, i) => x !== tensors[name]!.data[i]),
        name,
      ).toBe(true)
  })

  it("writes only what learns", async () => {
    const found = await readAll(join(out("one"), "best.safetensors"))
    const learning = tensorTable(model.data).filter(({ learns }) => learns)
    expect(Object.keys(found).toSorted()).toEqual(learning.map(({ name }) => name).toSorted())
  })

  it("two processes give the losses of one with the same batch", async () => {
    const port = `${await freePort()}`
    const rank = (r: number) =>
      run(python!, command("two", "--batch", "1"), {
        env: { ...environment, RANK: `${r}`, WORLD_SIZE: "2", MASTER_ADDR: "127.0.0.1", MASTER_PORT: port },
      })
    await Promise.all([rank(0), rank(1)])
    const [one, two] = [await losses("one"), await losses("two")]
    expect(one.length).toBeGreaterThanOrEqual(5)
    expect(two).toHaveLength(one.length)
    one.forEach((loss, i) => expect(Math.abs(two[i]! - loss), `step ${i}`).toBeLessThan(1e-5))
  })

  it("killed and resumed, it ends with the same bytes", async () => {
    const child = spawn(python!, command("cut"), { env: environment, stdio: "ignore" })
    await logged(join(out("cut"), "log.jsonl"), 2, child)
    child.kill("SIGTERM")
    const code = await new Promise((resolve) => child.once("exit", resolve))
    expect(code).toBe(0)
    expect((await losses("cut")).length).toBeLessThan((await losses("one")).length)
    await session.said(command("cut", "--resume"))
    expect(await losses("cut")).toEqual(await losses("one"))
    expect((await best("cut")).equals(await best("one"))).toBe(true)
  })

  it("killed while rates are tuned, in an epoch that was undone before, it ends with the same bytes", async () => {
    const tuning = autoLr({ order: 1, least: 1, trials: 3 })
    const rates = [{ part: "adapters", rate: [1e-3, 1e-3, 1e-4, 1e-3] }]
    const training = { kind: "training" as const, ...options, accumulate: 2, rates, autoLr: tuning, model: model.data }
    const own = join(root, "tuned")
    await writePackage(own, pytorchPackage(model.data, training, { name: "small" }))
    const tuned = (name: string, ...rest: readonly string[]) => [
      join(own, "train.py"),
      ...command(name, ...rest).slice(1),
    ]
    await session.said(tuned("whole"))
    const child = spawn(python!, tuned("broken"), { env: environment, stdio: "ignore" })
    // An epoch has five batches.
    await logged(join(out("broken"), "log.jsonl"), 6, child)
    child.kill("SIGTERM")
    await new Promise((resolve) => child.once("exit", resolve))
    expect(await epochs("broken")).toEqual([])
    await session.said(tuned("broken", "--resume"))
    expect(await epochs("broken")).toEqual(await epochs("whole"))
    expect((await epochs("whole")).some(({ trials }) => trials > 1)).toBe(true)
    expect((await best("broken")).equals(await best("whole"))).toBe(true)
  })

  it("says what is wrong in one line, and exits with 1", async () => {
    const { status, talk } = await session.run(command("one"))
    expect(status).toBe(1)
    expect(talk).toContain("holds a run already; add --resume")
    expect(talk).not.toContain("Traceback")
  })
})

/** As torchrun would find one; Debian's torchrun does not start under Python 3.11. */
const freePort = (): Promise<number> =>
  new Promise((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address() as AddressInfo
      server.close(() => resolve(port))
    })
  })

/** Waits until a log has this many lines. */
const logged = async (path: string, lines: number, child: ChildProcess): Promise<void> => {
  while (child.exitCode === null) {
    if (existsSync(path) && (await readFile(path, "utf8")).split("\n").length > lines) return
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}
