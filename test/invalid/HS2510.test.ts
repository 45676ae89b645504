/** HS2510: a training step that takes more than --memory even with every block computed twice. */
import { expect, test } from "vitest"
import { learningNames } from "../../src/compiler/analysis/parameters.ts"
import { standardSizes } from "../../src/compiler/passes/elaborate/index.ts"
import { trainingProgram } from "../../src/compiler/passes/program.ts"
import { conv2d, masks, model, paperDefaults, pixels, sequential } from "../../src/dsl/index.ts"

test("HS2510", () => {
  const { data } = model(sequential(conv2d(3, 8, 3), conv2d(8, 1, 3)), {
    name: "net",
    takes: { image: pixels({ size: 64 }) },
    teaches: { masks: masks() },
  })
  const step = (memory: number) =>
    trainingProgram(data, standardSizes(data, 1), { ...paperDefaults, learning: learningNames(data), memory })
  expect(() => step(2 ** 10)).toThrow(/HS2510: a step takes at least 0\.\d\d MiB for its tensors, .*; 0\.00 MiB are too little/)
  expect(step(2 ** 30).recomputed).toEqual([])
})
