import { execFileSync } from "node:child_process"
import { readFile } from "node:fs/promises"
import { join } from "node:path"
import { describe, expect, test } from "vitest"
import { convert, inspect, save } from "../../src/runtime/weights/index.ts"
import { pythonWith } from "../python/index.ts"
import { folder, here, json, noise, readAll } from "./tools.ts"

const python = pythonWith("torch")

const shapes: Readonly<Record<string, readonly number[]>> = {
  plain: [2, 3],
  transposed: [6, 4],
  window: [2, 3],
  scalar: [],
  empty: [0, 3],
}
const number = (text: string): number =>
  text === "inf" ? Infinity : text === "-inf" ? -Infinity : text === "nan" ? NaN : Number(text)
const saved = ["zip-torch1", "zip-torch2", "legacy-torch1", "legacy-torch2"].concat(
  [3, 4, 5].flatMap((protocol) => [`zip-torch1-protocol${protocol}`, `zip-torch2-protocol${protocol}`]),
)

describe("files of real PyTorch, 1.13 and 2, in every protocol: strides, offsets, dtypes", () => {
  test.each(saved)("%s", async (name) => {
    const values: Readonly<Record<string, readonly string[]>> = await json("values.json")
    const tensors = await readAll(here(`${name}.pth`))
    expect(Object.keys(tensors)).toEqual(Object.keys(values))
    for (const [key, expected] of Object.entries(values))
      expect([...tensors[key]!.data], key).toEqual(expected.map((text) => Math.fround(number(text))))
    for (const [key, shape] of Object.entries(shapes)) expect(tensors[key]!.shape).toEqual(shape)
  })
})

test.each(["1", "2"])(
  "a training script's file: a wrapped module in 'model', beside an optimizer (PyTorch %s)",
  async (version) => {
    const { notes, tensors } = await inspect(here(`nested-torch${version}.pth`))
    expect(tensors.map(({ name }) => name)).toContain("module.0.weight")
    expect(tensors).toHaveLength(7)
    expect(notes.join("\n")).toMatch(/'model'; left out: optimizer, epoch, best_dice/)
    expect(notes.join("\n")).toMatch(/'module\.' before every name/)
  },
)

const check = `
import sys, torch
from collections import OrderedDict
new, old = (torch.load(p, weights_only=True) for p in sys.argv[1:3])
assert type(new) is OrderedDict and sorted(new) == sorted(old), list(new)
for k in old:
    assert new[k].dtype == old[k].dtype and new[k].shape == old[k].shape and torch.equal(new[k], old[k].contiguous()), k
module = torch.nn.Linear(3, 2)
module.load_state_dict(OrderedDict(weight=new["plain"], bias=new["plain"][:, 0].contiguous()))
print("equal", len(new))
`

test.skipIf(python === undefined)(
  "what is written as .pth, torch.load(weights_only=True) reads: every dtype, equal",
  async () => {
    const dir = await folder()
    const original = here("zip-torch1.pth")
    await convert(original, join(dir, "x.safetensors"))
    await convert(join(dir, "x.safetensors"), join(dir, "x.pth"))
    const sorted = await readAll(join(dir, "x.pth"))
    expect(sorted.transposed).toEqual((await readAll(original)).transposed)
    const rewritten = join(dir, "y.pth")
    await save(rewritten, { plain: noise([2, 3]), big: noise([300, 70]) })
    expect(await readAll(rewritten)).toEqual({ big: noise([300, 70]), plain: noise([2, 3]) })
    const said = execFileSync(python!, ["-c", check, join(dir, "x.pth"), original], { encoding: "utf8" })
    expect(said).toContain("equal 17")
  },
)

test("the bytes of a .pth are reproducible", async () => {
  const dir = await folder()
  await save(join(dir, "1.pth"), { b: noise([2]), a: noise([3]) })
  await save(join(dir, "2.pth"), { a: noise([3]), b: noise([2]) })
  expect((await readFile(join(dir, "1.pth"))).equals(await readFile(join(dir, "2.pth")))).toBe(true)
})
