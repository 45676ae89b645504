/** tfjs as an engine under our plan: a Backend for each of its CPU, WebAssembly and WebGPU kernels. */
import { Failed } from "../../compiler/diagnostic.ts"
import type { Backend } from "../backend.ts"
import { openCpu, openWasm } from "./engines/host.ts"
import { openExecutable } from "./execute.ts"
import type { Engine } from "./kernels.ts"

export const backendOf = (engine: Engine): Backend => ({
  name: engine.name,
  compile: async (program) => {
    const [first, ...rest] = engine.problemsOf(program)
    if (first) throw new Failed([first, ...rest])
    return openExecutable(engine, program)
  },
})

export const cpuBackend = async (): Promise<Backend> => backendOf(await openCpu())
export const wasmBackend = async (options: { readonly path?: string } = {}): Promise<Backend> =>
  backendOf(await openWasm(options.path))
