import { expect, test } from "vitest"
import { pytorchPackage } from "../../src/backends/pytorch/index.ts"
import type { Failed } from "../../src/compiler/diagnostic.ts"
import { define, features, given, linear, model, relu } from "../../src/dsl/index.ts"

test("children whose names nn.Module has taken or PyTorch refuses, all at once", () => {
  const layer = define(
    "Net",
    { "my.layer": linear(3, 3), forward: linear(3, 3), train: linear(3, 3), act: relu },
    features(3),
    (m, x) => m.train(m.forward(m["my.layer"](m.act(x)))),
  )
  const print = () => pytorchPackage(model(layer, { name: "net", takes: { x: given([3]) } }).data, undefined, { name: "net" })
  expect(print).toThrow(expect.objectContaining({ name: "Failed" }))
  try {
    print()
  } catch (error) {
    expect((error as Failed).diagnostics.map(({ code, message }) => `${code}: ${message}`)).toEqual([
      "HS2701: the child 'my.layer' of 'net' is no part of a tensor's name: letters, digits, _ and - are",
      "HS2701: the child 'forward' of 'net' is taken in nn.Module",
      "HS2701: the child 'train' of 'net' is taken in nn.Module",
    ])
  }
})
