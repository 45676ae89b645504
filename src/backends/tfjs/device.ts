/** A WebGPU device of our own: the limits we ask for, the features we use, and every error it reports. */
import { deviceLost, noDevice, noF16, rejected } from "./problems.ts"

/** Limits that programs of this backend can run into. */
export const usedLimits = [
  "maxStorageBufferBindingSize",
  "maxBufferSize",
  "maxStorageBuffersPerShaderStage",
  "maxComputeWorkgroupStorageSize",
  "maxComputeInvocationsPerWorkgroup",
  "maxComputeWorkgroupSizeX",
  "maxComputeWorkgroupSizeY",
  "maxComputeWorkgroupsPerDimension",
] as const
export type LimitName = (typeof usedLimits)[number]
export type Limits = Readonly<Record<LimitName, number>>

/** What every WebGPU device has at least: the specification's defaults. */
export const defaultLimits: Limits = {
  maxStorageBufferBindingSize: 128 * 2 ** 20,
  maxBufferSize: 256 * 2 ** 20,
  maxStorageBuffersPerShaderStage: 8,
  maxComputeWorkgroupStorageSize: 16_384,
  maxComputeInvocationsPerWorkgroup: 256,
  maxComputeWorkgroupSizeX: 256,
  maxComputeWorkgroupSizeY: 256,
  maxComputeWorkgroupsPerDimension: 65_535,
}

export const limitsOf = (from: { readonly limits: GPUSupportedLimits }): Limits =>
  Object.fromEntries(usedLimits.map((name) => [name, from.limits[name]])) as Limits

export interface DeviceOptions {
  /** Arithmetic in 16-bit floats inside attention; memory stays float32. */
  readonly f16?: boolean
  /** Ask for these limits instead of all that the adapter has. */
  readonly limits?: Limits
}

export interface OwnDevice {
  readonly device: GPUDevice
  readonly info: GPUAdapterInfo
  readonly limits: Limits
  readonly f16: boolean
  /**
   * Runs work that encodes and submits commands, then waits for the device's verdict on it.
   * Rejects with a diagnostic after any validation, memory or internal error, or when the device is lost.
   */
  readonly guarded: <A>(work: () => A) => Promise<Awaited<A>>
  readonly close: () => void
}

const scopes = ["validation", "out-of-memory", "internal"] as const
interface Caught {
  readonly scope: (typeof scopes)[number]
  readonly message: string
}

export const openDevice = async (gpu: GPU | undefined, options: DeviceOptions = {}): Promise<OwnDevice> => {
  const adapter = await gpu?.requestAdapter({ powerPreference: "high-performance" })
  if (!adapter) throw noDevice("webgpu", gpu ? "WebGPU is here, but gives no adapter" : "there is no WebGPU here")
  const f16 = options.f16 ?? false
  if (f16 && !adapter.features.has("shader-f16"))
    throw noF16("webgpu", `${describe(adapter.info)} has no 16-bit floats (feature shader-f16)`)
  const limits = options.limits ?? limitsOf(adapter)
  const device = await adapter.requestDevice({
    requiredFeatures: f16 ? ["shader-f16"] : [],
    requiredLimits: { ...limits },
  })
  let lost: GPUDeviceLostInfo | undefined
  let stray: string | undefined
  device.lost.then((info) => {
    lost = info
  })
  // Nothing of ours runs outside a scope; should something slip through, the next verdict reports it.
  device.addEventListener("uncapturederror", (event) => {
    event.preventDefault()
    stray ??= event.error.message
  })

  const verdict = (found: readonly (Caught | undefined)[]): void => {
    if (lost) throw deviceLost("webgpu", `the device was lost: ${lost.message || lost.reason}`)
    if (found.some((one) => one?.scope === "out-of-memory"))
      throw rejected(
        "webgpu",
        "the GPU's memory does not suffice",
        "Close what else uses it, use a smaller batch or input size, or do without the GPU.",
      )
    const message = found.find((one) => one !== undefined)?.message ?? stray
    stray = undefined
    if (message !== undefined) throw rejected("webgpu", `WebGPU rejected the work: ${firstLine(message)}`)
  }

  const guarded = async <A>(work: () => A): Promise<Awaited<A>> => {
    if (lost) verdict([])
    for (const scope of scopes) device.pushErrorScope(scope)
    let result: { readonly value: A } | { readonly fault: unknown }
    try {
      result = { value: work() }
    } catch (fault) {
      result = { fault }
    }
    // The scopes close in the same turn in which they opened, so no other work falls into them.
    const errors = scopes.toReversed().map((scope) =>
      device.popErrorScope().then(
        (error): Caught | undefined => (error === null ? undefined : { scope, message: error.message }),
        (fault: unknown): Caught => ({ scope: "internal", message: String(fault) }),
      ),
    )
    const messages = await Promise.all(errors)
    if ("value" in result && isPromise(result.value)) {
      const settled = await result.value.then(
        (value) => ({ value }),
        (fault: unknown) => ({ fault }),
      )
      verdict(messages)
      if ("fault" in settled) throw rejected("webgpu", `WebGPU gave no data: ${firstLine(String(settled.fault))}`)
      return settled.value as Awaited<A>
    }
    verdict(messages)
    if ("fault" in result) throw result.fault
    return result.value as Awaited<A>
  }
  return { device, info: adapter.info, limits: limitsOf(device), f16, guarded, close: () => device.destroy() }
}

const isPromise = (value: unknown): value is Promise<unknown> => value instanceof Promise
const firstLine = (text: string): string => text.split("\n")[0]!
/** Vendor, architecture and device, as far as the adapter tells. */
export const describe = (info: GPUAdapterInfo): string =>
  [info.vendor, info.architecture, info.device, info.description].filter(Boolean).join(" ") || "unknown adapter"
