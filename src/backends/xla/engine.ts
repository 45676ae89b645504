/** XLA through a PJRT plugin: programs as StableHLO, compiled for a device and run there. README.md says why it is set up so. */
import { createRequire } from "node:module"
import { join } from "node:path"
import { failed } from "../../compiler/diagnostic.ts"
import type { Program, Tensor, Tensors } from "../../compiler/ir/graph.ts"
import { explainMissing } from "../../compiler/packages.ts"
import { defaultScores } from "../../compiler/passes/decompose.ts"
import type { Precision } from "../../dsl/training.ts"
import type { Backend, Executable } from "../backend.ts"
import { feedable, loadable, sourcesOf } from "../tensors.ts"
import type { From } from "./cache.ts"
import { childEnvironment, compileOptions, xlaFlags } from "./flags.ts"
import { fusedFrom } from "./fused.ts"
import type { CompiledMemory, Option } from "./pjrt/api.ts"
import { findPlugin, ownFolder, type Plugin, type PluginKind } from "./plugin.ts"
import { explain, explained, noPlugin, type Place } from "./problems.ts"
import { type Answer, type Child, ProcessProblem, startChild } from "./process.ts"
import { emit, type Named } from "./stablehlo/index.ts"

export interface XlaOptions {
  /** How products are computed. Default: float32. */
  readonly precision?: Precision
  /** Memory is scarce: attention in pieces, so that its probabilities are never there all at once. */
  readonly chunked?: boolean
  /** Attention of many tokens by cuDNN's fused kernel, whose operands have 16 bits: with bf16, on CUDA. */
  readonly fused?: boolean
  /** Where executables are kept, and how many bytes of them; false: nowhere. */
  readonly cache?: { readonly folder: string; readonly limit: number } | false
  /** What takes time, and what is not as it should be: a line each. */
  readonly note?: (line: string) => void
  readonly env?: NodeJS.ProcessEnv
}

/** 2 GiB: a thousand small programs, or some hundred of ViT-B's size. */
const cacheLimit = 2 * 2 ** 30

/** The optional package that calls C. Throws HS2520. */
export const koffiPath = (): string => {
  try {
    return createRequire(import.meta.url).resolve("koffi")
  } catch (problem) {
    throw explainMissing(problem)
  }
}
/** All scores of attention at once, or as many as fit a small binding. */
export const scoresOf = ({ chunked = false }: XlaOptions) => (chunked ? { scores: defaultScores } : {})

/** Memory is taken as it is needed, so that the device can be shared, and its figures mean something. */
const clientOptions = { cuda: { preallocate: false }, any: {} } as const satisfies Record<
  PluginKind,
  Readonly<Record<string, Option>>
>

/** The plugin of a target. Throws HS2801. */
export const pluginOf = (target: string, kind: PluginKind, env: NodeJS.ProcessEnv): Plugin => {
  const found = findPlugin(kind, env)
  if (found.plugin === undefined) throw noPlugin(target, kind, found)
  return found.plugin
}

/** Throws HS5002 where the fused kernel is wanted and cannot be had. */
export const demandKernel = (target: string, { precision = "float32", fused = false }: XlaOptions): void => {
  if (fused && (target !== "cuda" || precision !== "bf16"))
    throw failed(
      "--attention",
      "HS5002",
      `fused attention is cuDNN's, whose operands have 16 bits: it is for cuda in bf16, not for ${target} in ${precision}`,
      "Add --target cuda --precision bf16, or leave --attention fused out.",
    )
}
/** As the options want it. */
export const emitted = (program: Program, target: string, options: XlaOptions) => {
  const { precision = "float32", fused = false, note = () => {} } = options
  const module = emit(program, { precision, fused, emulated: target !== "cuda", ...scoresOf(options) })
  if (fused && !module.text.includes("__cudnn$fmha"))
    note(`note: no attention here is of ${fusedFrom} tokens or more in 256 columns or fewer: none is fused`)
  return module
}

const tensorsOf = ({ head, parts }: Answer): Tensors =>
  Object.fromEntries(
    (head["tensors"] as readonly Named[]).map(({ name, shape }, i): [string, Tensor] => [
      name,
      { shape, data: parts[i]! },
    ]),
  )
const listed = (tensors: Tensors): readonly [readonly Named[], readonly Float32Array[]] => {
  const entries = Object.entries(tensors)
  return [entries.map(([name, { shape }]) => ({ name, shape })), entries.map(([, { data }]) => data)]
}
const seconds = (since: number): string => `${((performance.now() - since) / 1000).toFixed(1)} s`

/** A program that a plugin has compiled, with what the compiler says of its memory. */
export interface XlaExecutable extends Executable {
  readonly memory: CompiledMemory
  readonly from: From
  /** What the device is called, and how many bytes it lets be taken, where it tells. */
  readonly device: string
  readonly available: number | undefined
}
export interface XlaBackend extends Backend {
  compile(program: Program): Promise<XlaExecutable>
}

const engine = (target: string, kind: PluginKind, options: XlaOptions): XlaBackend => {
  const { note = () => {}, env = process.env } = options
  const cache = options.cache ?? { folder: join(ownFolder(env), "executables"), limit: cacheLimit }
  return {
    name: target,
    compile: async (program) => {
      demandKernel(target, options)
      const plugin = pluginOf(target, kind, env)
      const koffi = koffiPath()
      const during = (of: Place["during"]): Place => ({ target, plugin: plugin.path, during: of })
      const { text, inputs, outputs } = emitted(program, target, options)
      const child = startChild(childEnvironment(plugin.toolkit, env))
      const asked = <A>(of: Place["during"], answer: Promise<A>) => explained(during(of), answer)
      try {
        const opened = await asked(
          "open",
          child.call("open", { koffi, plugin: plugin.path, options: clientOptions[kind] }),
        )
        const [device] = opened.head["devices"] as readonly [string]
        const available = (opened.head["memory"] as { readonly limit: number } | undefined)?.limit
        const since = performance.now()
        const slow = setTimeout(() => note(`compiling ${text.split("\n").length} operations for ${device}…`), 2000)
        const flags = [plugin.stamp, xlaFlags(plugin.toolkit, env)].join(" ")
        const fields = { inputs, outputs, state: program.state, ...(cache ? { cache: { ...cache, flags } } : {}) }
        const compiled = await asked(
          "compile",
          child.call("compile", fields, [Buffer.from(text), compileOptions(1)]),
        ).finally(() => clearTimeout(slow))
        const from = compiled.head["from"] as From
        if (from.kind === "compiled" && performance.now() - since > 2000) note(`compiled in ${seconds(since)}`)
        if (from.reason !== undefined) note(`note: a kept executable was not used or not written: ${from.reason}`)
        return {
          ...running(target, child, program, asked, during),
          memory: compiled.head["memory"] as CompiledMemory,
          from,
          device,
          available: available === 0 ? undefined : available,
        }
      } catch (problem) {
        await child.end()
        throw problem
      }
    },
  }
}

const running = (
  target: string,
  child: Child,
  program: Program,
  asked: <A>(of: Place["during"], answer: Promise<A>) => Promise<A>,
  during: (of: Place["during"]) => Place,
): Executable => {
  const sources = sourcesOf(program)
  const loaded = new Set<string>()
  return {
    load: async (given) => {
      const tensors = loadable(target, sources, given)
      const [names, data] = listed(tensors)
      await asked("load", child.call("load", { tensors: names }, data))
      for (const name of Object.keys(tensors)) loaded.add(name)
    },
    run: async (inputs) => {
      const [names, data] = listed(feedable(target, sources, loaded, inputs))
      try {
        return tensorsOf(await child.call("run", { tensors: names }, data))
      } catch (problem) {
        if (!(problem instanceof ProcessProblem)) throw problem
        // A run that failed may have taken its state with it.
        const kept = new Set(problem.kept)
        for (const name of [...loaded]) if (!kept.has(name)) loaded.delete(name)
        throw explain(problem.problem, during("run"))
      }
    },
    read: async (wanted) => tensorsOf(await asked("read", child.call("read", { wanted }))),
    dispose: () => child.end(),
  }
}

/** An NVIDIA GPU, by XLA's CUDA plugin. Errors: HS2801 to HS2807, HS2606 other tensors than the program takes. */
export const cuda = (options: XlaOptions = {}): XlaBackend => engine("cuda", "cuda", options)
/** Whatever the plugin that HASAM_PJRT_PLUGIN names drives; the processor where it names none. Errors as `cuda`. */
export const xla = (options: XlaOptions = {}): XlaBackend => engine("xla", "any", options)
