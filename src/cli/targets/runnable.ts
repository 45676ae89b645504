import type { Backend } from "../../backends/backend.ts"
import { standardSizes } from "../../compiler/passes/elaborate/index.ts"
import { inferenceProgram } from "../../compiler/passes/program.ts"
import { talk } from "../output.ts"
import type { Lower } from "./target.ts"

/** The engine compiles the model's program: what it cannot run, it refuses. */
export const runnable =
  (backend: Backend): Lower =>
  async ({ name, data }, _, { batch = 1 }) => {
    const executable = await backend.compile(inferenceProgram(data, standardSizes(data, batch)))
    await executable.dispose()
    talk(`${name}: ${backend.name} can run it`)
  }
