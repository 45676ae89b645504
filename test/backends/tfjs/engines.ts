/** The engines that this machine can run, opened once for a test file; a missing one is printed. */

import { vi } from "vitest"
import { openCpu, openWasm } from "../../../src/backends/tfjs/engines/host.ts"
import type { WebGpuEngine } from "../../../src/backends/tfjs/engines/webgpu.ts"
import type { Engine, EngineName } from "../../../src/backends/tfjs/kernels.ts"
import type { NodeOptions } from "../../../src/backends/tfjs/node.ts"
import { Failed } from "../../../src/compiler/diagnostic.ts"
import { askPatiently, chooseDriver } from "./drivers.ts"

/** The reason is printed where there is no device. */
export const tryWebGpu = async (options: NodeOptions = {}): Promise<WebGpuEngine | undefined> => {
  // A software driver compiles and runs every shader on the processor, which the tests may share with others.
  vi.setConfig({ testTimeout: 400_000, hookTimeout: 400_000 })
  const driver = chooseDriver()
  askPatiently()
  try {
    const { openNodeWebGpu } = await import("../../../src/backends/tfjs/node.ts")
    return await openNodeWebGpu(options)
  } catch (error) {
    if (!(error instanceof Failed)) throw error
    console.warn(
      `SKIPPED: WebGPU in Node: ${error.message} (driver: ${driver ?? "none"}; scripts/setup-system.sh installs one)`,
    )
    return undefined
  }
}

export const openEngines = async (): Promise<ReadonlyMap<EngineName, Engine>> => {
  const [cpu, wasm, webgpu] = [await openCpu(), await openWasm(), await tryWebGpu()]
  return new Map<EngineName, Engine>([["cpu", cpu], ["wasm", wasm], ...(webgpu ? [["webgpu", webgpu] as const] : [])])
}
