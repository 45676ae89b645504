/** A predicted point beyond the border is a miss, here and in packages alike. */
import { execFileSync } from "node:child_process"
import { mkdtemp } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { expect, it } from "vitest"
import { pytorchPackage } from "../../../src/backends/pytorch/index.ts"
import type { Sample } from "../../../src/runtime/data/reader.ts"
import { pixelsOf } from "../../../src/runtime/task/index.ts"
import { isHit, pointAnswer } from "../../../src/runtime/task/point.ts"
import { pythonWith } from "../../python/index.ts"
import { points } from "./models.ts"
import { writePackage } from "./tools.ts"

const python = pythonWith("torch", "PIL")

const script = `
import json, sys
import numpy as np, torch
from settings import FACTS
from task import answer_of, pixels_of, score_of
from task.point import TaughtPoint
from task.sample import Sample
mask = np.ones((6, 8), np.uint8)
sample = Sample(torch.zeros(3, 6, 8), mask, mask, None, None)
for x, y in json.loads(sys.argv[1]):
    answer = answer_of(torch.tensor([[x, y]]), TaughtPoint(), pixels_of(FACTS.takes), sample)
    print(json.dumps([score_of(answer, TaughtPoint(), sample), *answer.tolist()]))
`

it.skipIf(python === undefined)("hits and misses agree", async () => {
  const folder = await mkdtemp(join(tmpdir(), "hasam-point-"))
  await writePackage(folder, pytorchPackage(points.data))
  const mask = { width: 8, height: 6, data: new Uint8Array(48).fill(1) }
  const sample: Sample = {
    case: { id: "a", image: "a.png", mask: { kind: "files", paths: [] } },
    image: { shape: [3, 6, 8], data: new Float32Array(3 * 48) },
    ...{ mask, resizedMask: mask, originalSize: [6, 8] },
  }
  // The network sees 12 × 8 pixels, the image is their upper half.
  const asked = [0, 0.49, 0.51, 0.99, 1.01, 1.2, -0.01, -0.2].flatMap((x) => [0.2, 0.49, 0.51, -0.1].map((y) => [x, y]))
  const ours = asked.map(([x, y]) => {
    const answer = pointAnswer({ shape: [1, 2], data: Float32Array.of(x!, y!) }, pixelsOf(points.data), sample)
    return [Number(isHit(answer, mask)), ...answer]
  })
  const lines = execFileSync(python!, ["-c", script, JSON.stringify(asked)], { encoding: "utf8", cwd: folder }).trim()
  const theirs = lines.split("\n").map((line) => JSON.parse(line) as readonly number[])
  expect(theirs.map(([hit]) => hit)).toEqual(ours.map(([hit]) => hit))
  theirs.forEach((row, i) => row.forEach((x, k) => expect(x).toBeCloseTo(ours[i]![k]!, 5)))
  expect(ours.filter(([hit]) => hit === 1).length).toBe(8)
})
