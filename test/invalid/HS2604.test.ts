import { expect, test } from "vitest"
import { tryWebGpu } from "../backends/tfjs/engines.ts"

const engine = await tryWebGpu({ flags: ["backend=null"] })

test.skipIf(!engine)("a lost device says so from then on", async () => {
  engine!.device.device.destroy()
  await engine!.device.device.lost
  await expect(engine!.guarded(() => 7)).rejects.toThrow("HS2604: the device was lost")
  await expect(engine!.guarded(() => 7)).rejects.toThrow("HS2604")
})
