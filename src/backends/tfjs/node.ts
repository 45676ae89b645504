/** WebGPU in Node: Dawn, from the optional package `webgpu`. */
import { bringing } from "../../compiler/packages.ts"
import type { Backend } from "../backend.ts"
import type { DeviceOptions } from "./device.ts"
import { openWebGpu, type WebGpuEngine } from "./engines/webgpu.ts"
import { backendOf } from "./index.ts"
import { noDevice } from "./problems.ts"

export interface NodeOptions extends DeviceOptions {
  /** Flags of Dawn, e.g. "backend=null" to validate without a driver. */
  readonly flags?: readonly string[]
}

const loadDawn = async (): Promise<typeof import("webgpu")> => {
  try {
    return await import("webgpu")
  } catch (error) {
    const reason = error instanceof Error ? error.message.split("\n")[0] : String(error)
    throw noDevice(
      "webgpu",
      `the optional package "webgpu" cannot be loaded: ${reason}`,
      `Bring it: ${bringing(["webgpu"])}`,
    )
  }
}

/** tfjs looks for `navigator.gpu` and WebGPU's constants among the globals, once, when its backend is made. */
const withGlobals = async <A>(gpu: GPU, globals: object, work: () => Promise<A>): Promise<A> => {
  Object.assign(globalThis, globals)
  const holder = globalThis as { navigator?: object }
  if (!holder.navigator) Object.defineProperty(holder, "navigator", { value: {}, configurable: true })
  const before = Object.getOwnPropertyDescriptor(holder.navigator, "gpu")
  Object.defineProperty(holder.navigator, "gpu", { value: gpu, configurable: true })
  try {
    return await work()
  } finally {
    // Dawn keeps Node alive for as long as somebody holds its entry point.
    if (before) Object.defineProperty(holder.navigator, "gpu", before)
    else delete (holder.navigator as { gpu?: GPU }).gpu
  }
}

/** Dawn crashes when its entry point is collected while a device of it still works. */
const alive = new Set<GPU>()

/** Devices are opened one after another, for the globals above are shared. */
let opening: Promise<unknown> = Promise.resolve()

/** An engine on the machine's GPU; fails with HS2601 where there is none. */
export const openNodeWebGpu = (options: NodeOptions = {}): Promise<WebGpuEngine> => {
  const next = opening.then(() => openNext(options))
  opening = next.catch(() => undefined)
  return next
}
const openNext = async ({ flags = [], ...options }: NodeOptions): Promise<WebGpuEngine> => {
  const { create, globals } = await loadDawn()
  const gpu = create([...flags])
  alive.add(gpu)
  const engine = await withGlobals(gpu, globals, () => openWebGpu(gpu, options))
  return { ...engine, dispose: () => engine.dispose().finally(() => alive.delete(gpu)) }
}

export const webgpuBackend = async (options: NodeOptions = {}): Promise<Backend> =>
  backendOf(await openNodeWebGpu(options))
