/** The outline of a model, for which modules that models share are walked once, says what its whole graph says. */
import { expect, test } from "vitest"
import * as adapted from "../../examples/ablations/index.ts"
import * as systems from "../../examples/systems/unet/index.ts"
import { reachOf } from "../../src/compiler/ir/reach.ts"
import { elaborate, outline, standardSizes } from "../../src/compiler/passes/elaborate/index.ts"
import { samVitB } from "../../src/dsl/index.ts"
import type { ModelData } from "../../src/dsl/model.ts"

const models = Object.entries({ ...adapted, ...systems, samVitB }).flatMap(([name, value]) =>
  typeof value === "object" && value !== null && "data" in value ? [[name, value.data as ModelData] as const] : [],
)

test.each(models)("%s", (_, model) => {
  const sizes = standardSizes(model)
  const { builder, outputs } = elaborate(model, sizes)
  const seen = outline(model, sizes)
  for (const [name, value] of Object.entries(outputs)) {
    expect(seen.shapeOf(name)).toEqual(builder.shapeOf(value))
    const { parameters } = reachOf(builder, [value])
    expect([...seen.parametersOf([name])].toSorted()).toEqual([...parameters].toSorted())
    expect(parameters.size).toBeGreaterThan(0)
  }
  expect(seen.shapeOf("no such output")).toBeUndefined()
})
