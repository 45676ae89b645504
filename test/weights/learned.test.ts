import { createHash } from "node:crypto"
import { readFile } from "node:fs/promises"
import { join } from "node:path"
import { expect, test } from "vitest"
import { hashOf, inspect, loadLearned, save, saveLearned } from "../../src/runtime/weights/index.ts"
import { codesOf, folder, noise, problems } from "./tools.ts"

const name = "image_encoder.blocks.0.after_attention.0.weight"
const learned = { [name]: noise([2, 3]) }
const expected = [{ name, shape: [2, 3], kind: "parameter" }] as const
const frozen = { b: noise([2], 5), a: noise([1, 2], 6) }
const about = { version: "0.1.0", model: "haSam", spec: "5".repeat(64), base: hashOf(frozen) }

test("the hash is what its definition says, whatever the order", () => {
  const hash = createHash("sha256")
  for (const key of ["a", "b"] as const)
    hash.update(`["${key}",[${frozen[key].shape}]]\n`).update(new Uint8Array(frozen[key].data.buffer))
  expect(about.base).toBe(hash.digest("hex"))
  expect(hashOf({ a: frozen.a, b: frozen.b })).toBe(about.base)
})

test("one bit of the base, a shape, or a name changes the hash", () => {
  const flipped = Float32Array.from(frozen.a.data)
  new Uint32Array(flipped.buffer)[0]! ^= 1
  const others = [
    { ...frozen, a: { shape: [1, 2], data: flipped } },
    { ...frozen, a: { ...frozen.a, shape: [2, 1] } },
    { b: frozen.b, c: frozen.a },
  ]
  expect(new Set([about.base, ...others.map(hashOf)]).size).toBe(4)
})

test("what learns comes back on its base, and says what it is", async () => {
  const path = join(await folder(), "adapters.safetensors")
  await saveLearned(path, learned, about)
  const loaded = await loadLearned(expected, path, { base: about.base, spec: about.spec })
  expect(loaded).toEqual({ tensors: learned, notes: [], about })
  expect((await loadLearned(expected, path, { base: about.base, spec: "other" })).notes.join()).toMatch(
    /another version of the spec/,
  )
  expect((await inspect(path)).kind).toMatch(/^only what learns, of 'haSam', on the base/)
  expect((await readFile(path)).length).toBeLessThan(1000)
})

test("another base, a full checkpoint, and other adapters are refused", async () => {
  const path = join(await folder(), "adapters.safetensors")
  await saveLearned(path, learned, about)
  const [first] = await problems(loadLearned(expected, path, { base: "0".repeat(64) }))
  expect(first).toMatchObject({ code: "HS3014", message: expect.stringContaining(about.base.slice(0, 12)) })
  await save(path, learned)
  expect(await codesOf(loadLearned(expected, path, { base: about.base }))).toEqual(["HS3015"])
  await saveLearned(path, { other: noise([1]) }, about)
  expect(await codesOf(loadLearned(expected, path, { base: about.base }))).toEqual(["HS3010", "HS3011"])
})
