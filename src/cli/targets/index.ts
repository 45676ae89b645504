/** The one list of targets. compile, run, train, eval and help read it; to add a target is to add an entry. */
import { closest, distance } from "fastest-levenshtein"
import type { Backend } from "../../backends/backend.ts"
import type { Compiled } from "../../compiler/compile.ts"
import { failed } from "../../compiler/diagnostic.ts"
import { type EngineOptions, engineNamed, engines, type OpenEngine, preciseEngines } from "../../runtime/engines.ts"
import { talk } from "../output.ts"
import type { LowerFlags, Target } from "./target.ts"

export const targets: readonly Target[] = [
  {
    name: "cpu",
    about: "onnxruntime on the processor",
    engine: engines.cpu,
  },
  {
    name: "wasm",
    about: "TensorFlow.js in WebAssembly: no native code",
    engine: engines.wasm,
    memory: async () => (await import("./needs.ts")).traced("wasm"),
  },
  {
    name: "webgpu",
    about: "browsers, and Node with the package webgpu",
    engine: engines.webgpu,
    memory: async () => (await import("./needs.ts")).traced("webgpu"),
    lower: async () => (await import("./webgpu.ts")).forBrowsers,
  },
  {
    name: "webgpu-f16",
    about: "webgpu with attention in 16 bits",
    engine: engines["webgpu-f16"],
  },
  {
    name: "cuda",
    about: "an NVIDIA GPU: XLA's CUDA plugin, from PyPI",
    engine: engines.cuda,
    memory: async () => (await import("./cuda.ts")).compiledNeeds,
    lower: async () => (await import("./cuda.ts")).forCuda,
  },
  {
    name: "xla",
    about: "any other PJRT plugin: HASAM_PJRT_PLUGIN",
    engine: engines.xla,
  },
  {
    name: "reference",
    about: "float64: slow, and right",
    engine: engines.reference,
  },
  {
    name: "onnx",
    about: "a file that segments elsewhere",
    lower: async () => (await import("./onnx.ts")).onnxFile,
  },
  {
    name: "pytorch",
    about: "a PyTorch package for torchrun and Slurm",
    lower: async () => (await import("./pytorch.ts")).packaged,
    trainer: async () => (await import("./torch.ts")).trainInPackage,
  },
]

const namesOf = (list: readonly Target[]): string => list.map(({ name }) => name).join(", ")
/** Those that run a program here. */
const running = targets.filter(({ engine }) => engine !== undefined)

/** Names in help texts. */
export const runningNames = namesOf(running)
export const trainingNames = namesOf(
  targets.filter(({ engine, trainer }) => engine !== undefined || trainer !== undefined),
)
/** Those that compute products in several ways. */
export const preciseNames = preciseEngines.join(", ")

/** Throws HS2503. */
export const targetNamed = (name: string): Target => {
  const target = targets.find((one) => one.name === name)
  if (target !== undefined) return target
  const near = closest(
    name,
    targets.map((one) => one.name),
  )
  const meant = distance(name, near) <= 2 ? `; do you mean ${near}?` : ""
  throw failed("--target", "HS2503", `there is no target '${name}'${meant}`, `Targets are ${namesOf(targets)}.`)
}

/** Throws HS2503. */
export const demandEngine = (name: string): OpenEngine => {
  targetNamed(name)
  return engineNamed(name)
}

/** Throws HS2503. */
export const demandTrainer = (name: string): void => {
  const { engine, trainer } = targetNamed(name)
  if (engine === undefined && trainer === undefined)
    throw failed(
      "--target",
      "HS2503",
      `'${name}' is not a target that trains`,
      `Targets that train are ${trainingNames}.`,
    )
}

/** The engine of a target that runs. Throws HS2503. */
export const backendFor = async (name: string, options: EngineOptions = {}): Promise<Backend> =>
  demandEngine(name)(options)

/** The engine as a command wants it, telling what takes time. Throws HS2503. */
export const engineFor = (
  name: string,
  { precision, frozen, chunked = false }: Pick<EngineOptions, "precision" | "frozen" | "chunked">,
): Promise<Backend> =>
  backendFor(name, { note: talk, chunked, frozen, ...(precision === undefined ? {} : { precision }) })

/** hasam compile --target: files, or whether the engine can run the models. Throws HS2503. */
export const lowerTo = async (compiled: Compiled, name: string, flags: LowerFlags): Promise<void> => {
  const target = targetNamed(name)
  const lower =
    (await target.lower?.()) ??
    (await import("./runnable.ts")).runnable(await backendFor(name, { note: talk, precision: flags.precision }))
  for (const model of compiled.models) await lower(model, compiled, flags)
}
