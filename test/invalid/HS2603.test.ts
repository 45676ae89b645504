import { expect, test } from "vitest"
import { tryWebGpu } from "../backends/tfjs/engines.ts"

// Dawn's null backend validates and needs no driver.
const engine = await tryWebGpu({ flags: ["backend=null"] })

test.skipIf(!engine)("work that WebGPU rejects stops with its first line, and the device stays usable", async () => {
  const { device } = engine!.device
  const wrong = () => device.createBuffer({ size: 4, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.STORAGE })
  await expect(engine!.guarded(wrong)).rejects.toThrow(/HS2603: WebGPU rejected the work: .*usage/)
  await expect(engine!.guarded(() => 7)).resolves.toBe(7)
})

test.skipIf(!engine)("an error outside of guarded work is not lost: the next verdict has it", async () => {
  const { device } = engine!.device
  device.createBuffer({ size: 4, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.STORAGE })
  await device.queue.onSubmittedWorkDone()
  await expect(engine!.guarded(() => 7)).rejects.toThrow("HS2603")
  await engine!.dispose()
})
