import { execFileSync, spawnSync } from "node:child_process"
import { mkdtemp } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { beforeAll, describe, expect, it } from "vitest"
import { millions } from "../../../examples/ha-sam/index.ts"
import { pytorchPackage } from "../../../src/backends/pytorch/index.ts"
import { changingTensors } from "../../../src/compiler/analysis/parameters.ts"
import {
  add,
  blocks,
  crossEntropy,
  dice,
  focal,
  freezeAll,
  type Model,
  mse,
  paperDefaults,
  pipe,
  tensor,
  tversky,
  unfreeze,
} from "../../../src/dsl/index.ts"
import { imageOf } from "../../../src/dsl/task.ts"
import { adapted, odd, other, prompts, randomInputs, sizesFor } from "../../run/models.ts"
import { python } from "../../weights/tools.ts"
import {
  classified,
  clicked,
  clickedLoss,
  masked,
  names,
  partlyFrozen,
  points,
  shiftedWindows,
  tied,
  unet,
} from "./models.ts"
import { type Answer, anyCase, type Case, promptable, writeCase } from "./packages.ts"
import { writePackage } from "./tools.ts"

const samCase = (model: Model<any, any>, prompt: keyof typeof prompts, multimask = false): Case => {
  const sizes = sizesFor(imageOf(model.data.takes)!.pixels.size[0], prompt, multimask)
  return { model, sizes, inputs: randomInputs(sizes) }
}
const cases: Readonly<Record<string, Case>> = {
  ...Object.fromEntries(Object.entries(adapted).map(([name, model]) => [name, samCase(model, "point")])),
  ...Object.fromEntries(
    (Object.keys(prompts) as (keyof typeof prompts)[]).flatMap((prompt) => [
      [`odd-${prompt}`, samCase(odd, prompt)],
      [`other-${prompt}`, samCase(other, prompt, true)],
    ]),
  ),
  partly: samCase(
    pipe(odd, freezeAll, unfreeze("maskDecoder", blocks(2), tensor("image_encoder.pos_embed"))) as Model<any, any>,
    "all",
  ),
  unet: anyCase(unet, paperDefaults.loss),
  partlyFrozen: anyCase(partlyFrozen, paperDefaults.loss),
  names: anyCase(names, mse()),
  tied: anyCase(tied, paperDefaults.loss),
  points: anyCase(points, mse()),
  "clicked-points": anyCase(clicked, clickedLoss, "points"),
  "clicked-box": anyCase(clicked, clickedLoss, "box"),
  "mask-dice-batch": anyCase(masked, dice({ over: "batch", smooth: 0.5 })),
  "mask-mse": anyCase(masked, mse()),
  "mask-focal": anyCase(masked, focal({ gamma: 1.5, alpha: 0.3 })),
  "mask-tversky": anyCase(masked, add(tversky({ alpha: 0.3, beta: 0.7 }), focal())),
  "classes-entropy": anyCase(classified, add(crossEntropy(), dice({ over: "classes" }))),
  "classes-weighted": anyCase(classified, crossEntropy({ weights: [0.2, 1, 2] })),
  "classes-focal": anyCase(classified, add(focal({ alpha: 0.4 }), tversky())),
  shiftedWindows: anyCase(shiftedWindows, paperDefaults.loss),
}

describe.skipIf(python === undefined)("generated modules in PyTorch", () => {
  const right: Record<string, Awaited<ReturnType<typeof writeCase>>> = {}
  let answers: Readonly<Record<string, Answer>> = {}

  beforeAll(async () => {
    const root = await mkdtemp(join(tmpdir(), "hasam-pytorch-"))
    for (const [name, one] of Object.entries(cases)) right[name] = await writeCase(join(root, name), one)
    const script = fileURLToPath(new URL("./check.py", import.meta.url))
    const folders = Object.keys(cases).map((name) => join(root, name))
    const out = execFileSync(python!, [script, ...folders], { encoding: "utf8", maxBuffer: 2 ** 26 })
    const { torch, seconds, results } = JSON.parse(out)
    answers = results
    console.info(`PyTorch ${torch}: ${folders.length} packages in ${seconds.toFixed(1)} s`)
  })

  describe.each(Object.keys(cases))("%s", (name) => {
    it("has the compiler's names, counts and initial values, bit for bit", () => {
      const { table, initial } = right[name]!
      const answer = answers[name]!
      expect(answer.names).toEqual(table.filter(({ persistent }) => persistent).map((t) => t.name))
      const sum = (learns: boolean) =>
        table.reduce((n, t) => (t.kind === "parameter" && (t.learns || !learns) ? n + t.size : n), 0)
      expect(answer.counts).toEqual([sum(false), sum(true)])
      expect(answer.initial).toBe(initial)
    })

    it("gives the float64 evaluation's outputs, loss and gradients", () => {
      const answer = answers[name]!
      for (const [output, error] of Object.entries(answer.outputs)) expect(error, output).toBeLessThan(2e-5)
      expect(answer.loss).toBeLessThan(1e-5)
      expect(Object.keys(answer.gradients).length).toBeGreaterThan(0)
      for (const [tensor, error] of Object.entries(answer.gradients)) expect(error, tensor).toBeLessThan(1e-4)
      expect(answer.others).toEqual([])
    })

    it("hashes the frozen base as hasam does", () => {
      expect(answers[name]!.base).toBe(right[name]!.base)
    })

    if (!promptable(cases[name]!.model.data))
      it("trains with the batch's statistics where batch norms learn, and only there", () => {
        const answer = answers[name]!
        expect(answer["training loss"]).toBeLessThan(1e-5)
        for (const [buffer, error] of Object.entries(answer.statistics!)) expect(error, buffer).toBeLessThan(1e-5)
        expect(answer["frozen statistics"]).toEqual([])
        const norms = right[name]!.table.filter((t) => t.name.endsWith("running_mean")).length
        expect(Object.keys(answer.statistics!).length).toBe(name === "partlyFrozen" ? norms : 2 * norms)
      })

    const { adaptations } = cases[name]!.model.data
    if (adaptations.length > 0 || !promptable(cases[name]!.model.data))
      it("takes what learned and gives back the same bytes; steps leave what is frozen as it was", () => {
        const answer = answers[name]!
        expect(answer["same bytes"]).toBe(true)
        const changing = changingTensors(right[name]!.table).map((t) => t.name)
        expect(answer.moved!.toSorted()).toEqual(changing.toSorted())
        expect(answer["base after"]).toBe(answer.base)
      })
  })

  it("HA-SAM on ViT-B: PyTorch counts 6,815,046 parameters that learn", async () => {
    const folder = await mkdtemp(join(tmpdir(), "hasam-pytorch-"))
    await writePackage(folder, pytorchPackage(millions.data))
    const code =
      "from building import counts; from model import build; print(f'{counts(build(values=False))[1]:,} trainable')"
    expect(execFileSync(python!, ["-c", code], { encoding: "utf8", cwd: folder })).toBe("6,815,046 trainable\n")
  })

  it("a package whose model was changed by hand says so and stops", async () => {
    const folder = await mkdtemp(join(tmpdir(), "hasam-pytorch-"))
    const files = pytorchPackage(adapted.afterAttention.data)
    await writePackage(folder, { ...files, "model.py": files["model.py"]!.replaceAll("rank=5", "rank=6") })
    const changed = spawnSync(python!, ["-c", "import model; model.build()"], { encoding: "utf8", cwd: folder })
    expect(changed.status).not.toBe(0)
    expect(changed.stderr).toMatch(/PyTorch counts 489 of 70,344 parameters that learn, the compiler 440 of 70,295/)
  })
})
