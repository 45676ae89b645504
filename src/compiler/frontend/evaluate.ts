/** A spec is ordinary TypeScript: it is bundled, run in a thread of its own, and what it exports comes back as plain data. */
import { readFileSync } from "node:fs"
import { isBuiltin } from "node:module"
import { basename, relative, resolve } from "node:path"
import type { Worker } from "node:worker_threads"
import { originalPositionFor, TraceMap } from "@jridgewell/trace-mapping"
import type { BuildFailure, Message, Metafile } from "esbuild"
import type { Senseless } from "../../dsl/guard.ts"
import type { Pair } from "../../dsl/layer.ts"
import type { ModelData } from "../../dsl/model.ts"
import type { Training } from "../../dsl/training.ts"
import type { Code } from "../codes/index.ts"
import type { Diagnostic } from "../diagnostic.ts"
import { aboutFile } from "../diagnostic.ts"
import { bundled } from "./bundler.ts"
import { esbuild } from "./esbuild.ts"
import type { NamedStudy } from "./study.ts"
import { startThread } from "./threads.ts"
import type { Sources } from "./typecheck.ts"

/** A place in the user's source; lines and columns count from 1. */
export interface Place {
  readonly file: string
  readonly line: number
  readonly column: number
}
export interface NamedModel {
  readonly name: string
  readonly data: ModelData
}
export interface NamedTraining {
  readonly name: string
  readonly training: Training
  /** The exported model it trains, if it is one. */
  readonly model?: string
}
/** What a spec exports, in the order of its source, and where its places are. */
export interface EvaluatedSpec {
  readonly entry: string
  readonly models: readonly NamedModel[]
  readonly trainings: readonly NamedTraining[]
  readonly studies: readonly NamedStudy[]
  /** A recorded call site as a place in the source. */
  readonly placeOf: (at: string | undefined) => Place
  /** Where an export is named. */
  readonly exportOf: (name: string) => Place
  readonly diagnostics: readonly Diagnostic[]
  /** Of what makes no sense in the spec no number would be true: nothing else is told of its models. */
  readonly senseless: boolean
  /** The files that it is made of. */
  readonly files: readonly string[]
}

/** Milliseconds that a spec may take; a test shortens it. */
const limitOf = (given = Number(process.env["HASAM_SPEC_LIMIT"])): number => (given > 0 ? given : 30_000)
const bundleName = "hasam-spec.cjs"

interface Bundle {
  readonly code: string
  readonly map: TraceMap
  /** Sources in the map are relative to this folder. */
  readonly out: string
  readonly files: readonly string[]
  /** Modules that import one another in a circle, if any do. */
  readonly circle: readonly string[]
}

/** The first circle of imports, as the files along it. */
const circleOf = (inputs: Metafile["inputs"], entry: string): readonly string[] => {
  const done = new Set<string>()
  const walk = (file: string, path: readonly string[]): readonly string[] => {
    if (path.includes(file)) return [...path.slice(path.indexOf(file)), file]
    if (done.has(file)) return []
    for (const { path: next, external } of inputs[file]?.imports ?? []) {
      if (external) continue
      const found = walk(next, [...path, file])
      if (found.length > 0) return found
    }
    done.add(file)
    return []
  }
  return walk(entry, [])
}

/** What esbuild says, where it speaks of more than a spec's author knows. */
const wording = (text: string): readonly [message: string, help: string] => {
  if (/^Top-level await/.test(text))
    return ["a spec cannot await", "Leave await out: a spec only describes a model, and needs nothing that takes time."]
  const message = text.replace(/\s*\(use .*$/s, "")
  return [
    message,
    /resolve/i.test(text) ? "Correct the path of the import, or add the missing file." : "Correct the syntax here.",
  ]
}

const messageOf = (entry: string, { text, location }: Message): Diagnostic => {
  const [message, help] = wording(text)
  return {
    file: location === null ? entry : resolve(location.file),
    line: location?.line ?? 0,
    column: (location?.column ?? -1) + 1,
    code: "HS1002",
    severity: "error",
    message,
    help,
  }
}

/** In place of an outdir, for maps that are not written. */
const nowhere = "/hasam"

const bundleOf = (entry: string, code: string, map: string, out: string, { inputs }: Metafile): Bundle => {
  const names = Object.keys(inputs)
  const first = names.find((name) => resolve(name) === resolve(entry)) ?? names[0]!
  return {
    code,
    map: new TraceMap(map),
    out,
    files: names.map((name) => resolve(name)),
    circle: circleOf(inputs, first),
  }
}

const bundle = async (entry: string, sources: Sources | undefined): Promise<Bundle | readonly Diagnostic[]> => {
  const quick = sources === undefined ? await bundled(entry) : undefined
  if (quick !== undefined) return bundleOf(entry, quick.code, quick.map, quick.out, quick.meta)
  const { build } = esbuild()
  try {
    const { outputFiles, metafile } = await build({
      entryPoints: [entry],
      bundle: true,
      write: false,
      metafile: true,
      format: "cjs",
      platform: "node",
      target: "node20",
      sourcemap: "external",
      sourcesContent: false,
      outdir: nowhere,
      absWorkingDir: process.cwd(),
      logLevel: "silent",
      tsconfigRaw: "{}",
      plugins: [
        {
          name: "hasam",
          setup: ({ onResolve, onLoad }) => {
            onResolve({ filter: /^hasam$/ }, () => ({ path: "hasam", external: true }))
            if (sources === undefined) return
            onResolve({ filter: /.*/ }, ({ kind }) => (kind === "entry-point" ? { path: entry } : undefined))
            onLoad({ filter: /\.[cm]?tsx?$/ }, ({ path }) => {
              const contents = sources.get(path)
              return contents === undefined ? undefined : { contents, loader: /x$/.test(path) ? "tsx" : "ts" }
            })
          },
        },
      ],
    })
    const map = outputFiles.find(({ path }) => path.endsWith(".map"))!
    const code = outputFiles.find(({ path }) => path.endsWith(".js"))!
    return bundleOf(entry, code.text, map.text, nowhere, metafile)
  } catch (failure) {
    const { errors } = failure as BuildFailure
    if (errors === undefined) throw failure
    return errors.map((message) => messageOf(entry, message))
  }
}

const placer =
  (entry: string, { map, out }: Pick<Bundle, "map" | "out">) =>
  (at: string | undefined): Place => {
    const [, line, column] = /:(\d+):(\d+)$/.exec(at ?? "") ?? []
    if (line === undefined) return { file: entry, line: 0, column: 0 }
    const found = originalPositionFor(map, { line: Number(line), column: Number(column) - 1 })
    if (found.source === null) return { file: entry, line: 1, column: 1 }
    // Sources in the map are relative to the bundle's folder, which is gone or made up; as paths, they may hold a # or a %.
    return { file: resolve(out, decodeURIComponent(found.source)), line: found.line, column: found.column + 1 }
  }

interface Evaluated {
  readonly models: readonly { readonly name: string; readonly data: ModelData }[]
  readonly trainings: readonly { readonly name: string; readonly training: Training; readonly model?: string }[]
  readonly studies?: readonly NamedStudy[]
  readonly fakes?: readonly { readonly name: string; readonly flaw: string; readonly what: string }[]
  /** Exports that are functions. */
  readonly functions?: readonly string[]
  readonly senseless?: readonly Senseless[]
  /** Where expectations were written. */
  readonly expected?: readonly string[]
  readonly problem?: { readonly message: string; readonly at?: string }
}

const runIn = (
  thread: Worker,
  code: string,
  inputSize: Pair | undefined,
  limit: number,
): Promise<Evaluated | "timeout" | "exit"> =>
  new Promise((done) => {
    const timer = setTimeout(() => done("timeout"), limit)
    const finish = (result: Evaluated | "timeout" | "exit") => {
      clearTimeout(timer)
      done(result)
    }
    thread.once("message", finish)
    thread.once("error", (error: Error) => finish({ models: [], trainings: [], problem: { message: error.message } }))
    thread.once("exit", () => finish("exit"))
    thread.postMessage({ code, filename: bundleName, builtins: isBuiltin("fs"), inputSize })
  })

/** What keeps studies from being run, and in what their trainings differ beside what is compared. */
const studyProblems = (
  studies: readonly NamedStudy[],
  placeOf: (at: string | undefined) => Place,
): readonly Diagnostic[] =>
  studies.flatMap(({ name, at, flaws, unequal }) => [
    ...flaws.map(
      (flaw): Diagnostic => ({
        ...placeOf(at),
        code: "HS1060",
        severity: "error",
        message: `the study '${name}' cannot be run: ${flaw}`,
        help: "Export each training with its model, and give lists that say each value once.",
      }),
    ),
    ...unequal.map(
      (budget): Diagnostic => ({
        ...placeOf(at),
        code: "HS1061",
        severity: "warning",
        message: `the trainings of the study '${name}' have other budgets: ${budget}`,
        help: "Give all of them the same, or say in the text why not: the longer one may win by that alone.",
      }),
    ),
  ])

/** Where each export is named in the entry file, to report in the order of the source. */
const exportPlaces = (entry: string, text: string): ReadonlyMap<string, Place> => {
  const found = [...text.matchAll(/^([^\S\n]*export\s+(?:const|let|var)\s+)([\w$]+)/gm)]
  const place = (at: number): Place => {
    const before = text.slice(0, at).split("\n")
    return { file: entry, line: before.length, column: before.at(-1)!.length + 1 }
  }
  return new Map(found.map(({ 1: lead, 2: name, index }) => [name!, place(index + lead!.length)]))
}

const none = (
  entry: string,
  diagnostics: readonly Diagnostic[],
  files: readonly string[] = [entry],
  senseless = false,
): EvaluatedSpec => ({
  entry,
  models: [],
  trainings: [],
  studies: [],
  placeOf: () => ({ file: entry, line: 1, column: 1 }),
  exportOf: () => ({ file: entry, line: 1, column: 1 }),
  diagnostics,
  senseless,
  files,
})

export interface EvaluateOptions {
  /** In place of files, where an editor has them open. */
  readonly sources?: Sources | undefined
  /** For images of another size. */
  readonly inputSize?: Pair | undefined
}

/** Evaluates a spec. What goes wrong is among the diagnostics. */
export const evaluateSpec = async (
  entry: string,
  { sources, inputSize }: EvaluateOptions = {},
): Promise<EvaluatedSpec> => {
  // It starts while the bundle is made.
  const thread = startThread()
  try {
    const made = await bundle(entry, sources)
    if (!("code" in made)) return none(entry, made)
    const placeOf = placer(entry, made)
    const limit = limitOf()
    const result = await runIn(thread, made.code, inputSize, limit)
    const about = (code: Code, message: string, help: string, at?: string): EvaluatedSpec =>
      none(entry, [{ ...placeOf(at), code, severity: "error", message, help }], made.files)
    if (result === "timeout")
      return about(
        "HS1006",
        `evaluating the spec took longer than ${limit / 1000} s`,
        "Look for a loop that never ends.",
        await (await import("./interrupt.ts")).interrupted(bundleName),
      )
    if (result === "exit")
      return about(
        "HS1007",
        "the spec ended its thread before its exports were there",
        "Leave out process.exit and the like: a spec only describes a model.",
      )
    // A spec that throws may do so because of a number before it.
    const nonsense = (result.senseless ?? []).map(
      ({ at, message, help, code }): Diagnostic => ({
        ...placeOf(at),
        code,
        severity: "error",
        message,
        help,
      }),
    )
    if (nonsense.length > 0 && result.problem !== undefined) return none(entry, nonsense, made.files, true)
    if (result.problem !== undefined && made.circle.length > 0)
      return about(
        "HS1042",
        `the spec's files import one another in a circle: ${made.circle.map((file) => basename(file)).join(" → ")}`,
        "Move what they share into a file of its own.",
        result.problem.at,
      )
    if (result.problem !== undefined)
      return about(
        "HS1005",
        `the spec throws: ${result.problem.message}`,
        "Correct the expression here.",
        result.problem.at,
      )
    const places = exportPlaces(entry, sources?.get(entry) ?? readFileSync(entry, "utf8"))
    const lineOf = (name: string) => places.get(name)?.line ?? Number.POSITIVE_INFINITY
    const byOrder = (a: { readonly name: string }, b: { readonly name: string }) => lineOf(a.name) - lineOf(b.name)
    const exportOf = (name: string) => places.get(name) ?? { file: entry, line: 1, column: 1 }
    const models = result.models.toSorted(byOrder)
    const fakes = (result.fakes ?? []).map(
      ({ name, flaw, what }): Diagnostic => ({
        ...exportOf(name),
        code: "HS1043",
        severity: "error",
        message: `'${name}' looks like ${what}, but ${flaw}`,
        help: "Make models with model(…) or a named one, and pipe(…); trainings with training(…).",
      }),
    )
    const bound = new Set(models.flatMap(({ data }) => data.expectations.map(({ at }) => at)))
    const unbound = [...new Set(result.expected ?? [])]
      .filter((at) => !bound.has(at))
      .map(placeOf)
      .filter(({ file }) => resolve(file) === resolve(entry))
      .map(
        (place): Diagnostic => ({
          ...place,
          code: "HS1041",
          severity: "error",
          message: "this expectation is on a model that is not exported, so nothing would check it",
          help: "Export the model, or leave the expectation out.",
        }),
      )
    const [makes] = result.functions ?? []
    const diagnostics: readonly Diagnostic[] =
      nonsense.length + fakes.length > 0
        ? [...nonsense, ...fakes]
        : models.length > 0
          ? [...unbound, ...studyProblems(result.studies ?? [], placeOf)]
          : [
              aboutFile(
                entry,
                "HS1008",
                `'${relative(process.cwd(), entry)}' exports no model`,
                makes === undefined
                  ? "Export what pipe(…) gives: export const mine = pipe(samVitB, freezeAll, …)."
                  : `'${makes}' is a function: call it, and export what it gives: export const mine = ${makes}(…).`,
              ),
            ]
    const senseless = nonsense.length > 0
    const trainings = result.trainings.toSorted(byOrder)
    const studies = (result.studies ?? []).toSorted(byOrder)
    return { entry, models, trainings, studies, placeOf, exportOf, diagnostics, senseless, files: made.files }
  } finally {
    void thread.terminate()
  }
}
