import { expect, test } from "vitest"
import { openDevice } from "../../src/backends/tfjs/device.ts"
import { Failed } from "../../src/compiler/diagnostic.ts"

const failure = (gpu: GPU | undefined) => openDevice(gpu).catch((error: unknown) => error)

test("nothing here has WebGPU", async () => {
  const error = await failure(undefined)
  expect(error).toBeInstanceOf(Failed)
  expect((error as Failed).diagnostics).toMatchObject([
    { file: "<webgpu>", code: "HS2601", message: "there is no WebGPU here" },
  ])
})

test("WebGPU without an adapter", async () => {
  const gpu = { requestAdapter: async () => null } as unknown as GPU
  expect((await failure(gpu)) as Failed).toMatchObject({
    diagnostics: [{ code: "HS2601", message: "WebGPU is here, but gives no adapter" }],
  })
})
