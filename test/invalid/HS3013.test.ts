import { join } from "node:path"
import { test } from "vitest"
import { load, save } from "../../src/runtime/weights/index.ts"
import { documented } from "../weights/documented.ts"
import { folder } from "../weights/tools.ts"

test("NaN weights", async () => {
  const path = join(await folder(), "diverged.safetensors")
  const names = ["neck.1.weight", "neck.1.bias"]
  await save(path, Object.fromEntries(names.map((name) => [name, { shape: [2], data: Float32Array.of(1, Number.NaN) }])))
  const expected = names.map((name) => ({ name, shape: [2], kind: "parameter" }) as const)
  await documented("HS3013", load(expected, path))
})
