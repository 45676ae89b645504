/** tfjs's engines in a page. */
import type { Backend } from "../backend.ts"
import type { DeviceOptions } from "./device.ts"
import { openWebGpu } from "./engines/webgpu.ts"
import { backendOf } from "./index.ts"

export { cpuBackend, wasmBackend } from "./index.ts"

/** Fails with HS2601 where the browser has no WebGPU. */
export const webgpuBackend = async (options: DeviceOptions = {}): Promise<Backend> =>
  backendOf(await openWebGpu((globalThis as { navigator?: { gpu?: GPU } }).navigator?.gpu, options))
