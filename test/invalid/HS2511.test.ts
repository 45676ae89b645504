/** HS2511: a target that keeps weights in 32 bits only. HS2512: a model without a frozen weight that could be kept in fewer. */
import { expect, test } from "vitest"
import { frozenOf } from "../../src/compiler/analysis/frozen.ts"
import { conv2d, freezeAll, masks, model, pipe, pixels } from "../../src/dsl/index.ts"
import { demandStorage, engines } from "../../src/runtime/engines.ts"

const net = model(conv2d(3, 1, 3, { padding: 1 }), {
  name: "net",
  takes: { image: pixels({ size: 8 }) },
  teaches: { masks: masks() },
})

test("HS2511", async () => {
  const frozen = frozenOf(pipe(net, freezeAll).data, "bf16")
  await expect(engines.reference({ frozen })).rejects.toThrow(
    "HS2511: reference keeps weights in 32 bits, and cannot keep frozen ones as bf16",
  )
  expect(() => demandStorage("pytorch", "int8")).toThrow(/HS2511: pytorch keeps weights in 32 bits/)
  expect(() => demandStorage("pytorch", "float32")).not.toThrow()
  expect(() => demandStorage("cpu", "int8")).not.toThrow()
})

test("HS2512", () => {
  expect(() => frozenOf(net.data, "int8")).toThrow(
    /HS2512: 'net' has no frozen weight of a linear layer or a convolution: int8 would keep nothing in fewer bits/,
  )
})
