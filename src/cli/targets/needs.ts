/** What programs need in TensorFlow.js: tensors that are alive at one time, as the engine makes and disposes of them. */
import { trace } from "../../backends/tfjs/trace.ts"
import type { Measure } from "./target.ts"

export const traced =
  (engine: "webgpu" | "wasm"): Measure =>
  async (program) => ({ bytes: trace(program, { engine, workgroupBytes: engine === "webgpu" ? 16_384 : 0 }).peak })
