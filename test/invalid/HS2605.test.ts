import { expect, test } from "vitest"
import { openDevice } from "../../src/backends/tfjs/device.ts"

test("16-bit floats are asked of a device without them", async () => {
  const adapter = { features: new Set(), info: { vendor: "google", architecture: "swiftshader" } }
  const gpu = { requestAdapter: async () => adapter } as unknown as GPU
  await expect(openDevice(gpu, { f16: true })).rejects.toMatchObject({
    diagnostics: [{ code: "HS2605", message: "google swiftshader has no 16-bit floats (feature shader-f16)" }],
  })
})
