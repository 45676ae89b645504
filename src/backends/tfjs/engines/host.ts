/** tfjs's engines that run on this side: plain JavaScript, and WebAssembly with SIMD. */
import type { KernelBackend } from "@tensorflow/tfjs-core"
import type { Engine, EngineName } from "../kernels.ts"
import { addressProblems } from "../limits.ts"

/** Both compute at once: nothing to guard, nothing to wait for. */
const hostEngine = (name: EngineName, backend: KernelBackend, problemsOf: Engine["problemsOf"]): Engine => ({
  name,
  problemsOf,
  backend,
  f16: false,
  workgroupBytes: 0,
  // tfjs's wasm backend copies into its heap, its CPU backend computes on the array itself.
  keepsArrays: name === "cpu",
  around: (_kernel, _inputs, _attrs, call) => call(),
  between: () => undefined,
  trim: () => undefined,
  settle: () => undefined,
  guarded: async (work) => work(),
  read: async ({ dataId }) => Float32Array.from((await backend.read(dataId as object)) as Float32Array),
  count: () => backend.numDataIds(),
  dispose: async () => undefined,
})

export const openCpu = async (): Promise<Engine> => {
  const { MathBackendCPU } = await import("@tensorflow/tfjs-backend-cpu")
  // tfjs greets Node with an advertisement at the first tensor.
  const backend = Object.assign(new MathBackendCPU(), { firstUse: false })
  return hostEngine("cpu", backend, () => [])
}

/** WebAssembly has 32-bit addresses. */
const wasmBytes = 2 ** 32

let shared: Promise<KernelBackend> | undefined
/** Where the .wasm files are, with a final slash; Node finds them in its own package. Settled by the first call. */
export const openWasm = async (path?: string): Promise<Engine> => {
  // tfjs's wasm kernels keep pointers into one module for all, so the process has one instance, and it stays.
  shared ??= startWasm(path)
  return hostEngine("wasm", await shared, (program) => addressProblems(program, wasmBytes))
}

const startWasm = async (path?: string): Promise<KernelBackend> => {
  const [core, wasm] = await Promise.all([import("@tensorflow/tfjs-core"), import("@tensorflow/tfjs-backend-wasm")])
  if (path !== undefined) wasm.setWasmPaths(path)
  const factory = core.findBackendFactory("wasm")
  if (!factory) throw new Error("internal: tfjs-backend-wasm registered no factory")
  const backend = await factory()
  for (const kernel of core.getKernelsForBackend("wasm")) kernel.setupFunc?.(backend)
  return backend
}
