import { expect, test } from "vitest"
import { pytorchPackage } from "../../src/backends/pytorch/index.ts"
import type { Failed } from "../../src/compiler/diagnostic.ts"
import { autoLr, sam, training } from "../../src/dsl/index.ts"
import { tinyOptions } from "../tinySam.ts"

test("HS2704: the package for PyTorch says at the training's place that it does not tune rates", () => {
  const tiny = sam(tinyOptions)
  const at = training(tiny, { autoLr: autoLr() })
  const { autoLr: _, ...plain } = at
  expect(pytorchPackage(tiny.data, plain)["settings.json"]).toContain('"rates"')
  let told: unknown
  try {
    pytorchPackage(tiny.data, at, { name: "tiny", place: () => "spec.ts:7" })
  } catch (error) {
    told = error
  }
  expect((told as Failed).diagnostics).toEqual([
    {
      ...{ file: "spec.ts", line: 7, column: 1, code: "HS2704", severity: "error" },
      message: "the training of 'tiny' tunes its rates (autoLr), which the package for PyTorch does not",
      help: "Train on another target, or leave autoLr out.",
    },
  ])
})
