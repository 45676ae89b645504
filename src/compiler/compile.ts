/** Specs → reports and diagnostics: types and values checked side by side. */

import { readFileSync } from "node:fs"
import { join } from "node:path"
import { closest } from "fastest-levenshtein"
import type { ModelData } from "../dsl/model.ts"
import { modelProblems, type Problem } from "./analysis/checks.ts"
import { type ModelTensor, tensorTable } from "./analysis/parameters.ts"
import { aboutFile, type Diagnostic } from "./diagnostic.ts"
import { type EvaluatedSpec, evaluateSpec } from "./frontend/evaluate.ts"
import { packageRoot } from "./frontend/package.ts"
import { resolveSpec } from "./frontend/resolve.ts"
import type { Correction } from "./frontend/rewrite.ts"
import { type Sources, typeCheck } from "./frontend/typecheck.ts"
import { modelReport } from "./report/model.ts"
import { type ModelReport, type Report, schemaName } from "./report/report.ts"

export interface CompileOptions {
  /** Side of SAM's square image, in place of the spec's. */
  readonly inputSize?: number
  /** Fills in what a model costs, unless there are more models than `atMost`; left out, the report counts only. */
  readonly cost?: {
    readonly of: (model: ModelData, tensors: readonly ModelTensor[]) => Pick<ModelReport, "flops" | "memory">
    readonly atMost: number
  }
  /** Texts that an editor has open, by the paths of the files in whose place they are. */
  readonly sources?: Sources
  /** Which of the tensors that learn receive a gradient. */
  readonly receives?: (model: ModelData, learning: readonly string[]) => ReadonlySet<string>
}
export interface CompiledModel {
  readonly name: string
  readonly data: ModelData
  readonly report: ModelReport
}
export interface Compiled {
  readonly specs: readonly EvaluatedSpec[]
  readonly models: readonly CompiledModel[]
  readonly report: Report
  /** Numbers that --update would write. */
  readonly corrections: readonly Correction[]
}

export const version: string = JSON.parse(readFileSync(join(packageRoot, "package.json"), "utf8")).version

/** SAM for another image size: position tables follow, windows do not. */
export const withInputSize = (model: ModelData, imageSize: number | undefined): ModelData =>
  imageSize === undefined || model.family.kind !== "sam"
    ? model
    : { ...model, family: { ...model.family, config: { ...model.family.config, imageSize } } }

/** What has no place of its own is told at the export's name. */
const located = ({ at, right: _, ...problem }: Problem, name: string, spec: EvaluatedSpec): Diagnostic => ({
  ...(at === undefined ? spec.exportOf(name) : spec.placeOf(at)),
  ...problem,
})

const unreachedProblems = (
  name: string,
  tensors: readonly ModelTensor[],
  receiving: ReadonlySet<string> | undefined,
  model: ModelData,
): readonly Problem[] => {
  if (receiving === undefined) return []
  const idle = tensors.filter((tensor) => tensor.learns && !receiving.has(tensor.name))
  if (idle.length === 0) return []
  const size = idle.reduce((n, tensor) => n + tensor.size, 0)
  const names = idle.slice(0, 3).map((tensor) => `'${tensor.name}'`)
  const rest = idle.length > 3 ? ` and ${idle.length - 3} more` : ""
  // The place of the last rule that lets one of them learn.
  const at = model.rules.findLast(({ learn }) => learn)?.at ?? model.at
  return [
    {
      at,
      code: "HS1024",
      severity: "warning",
      message: `in '${name}', ${size.toLocaleString("en-US")} parameters learn but receive no gradient from a mask loss with a point prompt: ${names.join(", ")}${rest}`,
      help: "Freeze them, or prompt the model so that they are used.",
    },
  ]
}

const compileModel = (spec: EvaluatedSpec, name: string, data: ModelData, options: CompileOptions, costs: boolean) => {
  const tensors = tensorTable(data)
  const problems = modelProblems(name, data, tensors)
  const broken = problems.some(
    ({ severity, code }) => severity === "error" && !["HS1003", "HS1004", "HS1016", "HS1019"].includes(code),
  )
  const learning = tensors.filter(({ learns }) => learns).map((tensor) => tensor.name)
  let receiving: ReadonlySet<string> | undefined
  let cost: Pick<ModelReport, "flops" | "memory"> = {}
  const misfits: Problem[] = []
  if (!broken)
    try {
      receiving = options.receives?.(data, learning)
      cost = costs ? options.cost!.of(data, tensors) : {}
    } catch (problem) {
      if (!(problem instanceof Error) || problem.name !== "Misfit") throw problem
      const { path, at } = problem as Error & { path: string; at?: string }
      misfits.push({
        at: at ?? data.at,
        code: "HS1022",
        severity: "error",
        message: `${name}${path === "" ? "" : ` > ${path.replaceAll(".", " > ")}`}: ${problem.message}`,
      })
    }
  const base = modelReport(name, data, tensors, spec.placeOf)
  const report: ModelReport = {
    ...base,
    ...(receiving === undefined
      ? {}
      : {
          tensors: base.tensors.map((tensor) => ({
            ...tensor,
            receivesGradient: tensor.trainable && receiving!.has(tensor.name),
          })),
        }),
    ...cost,
  }
  const all = [...problems, ...misfits, ...unreachedProblems(name, tensors, receiving, data)]
  return {
    model: { name, data, report },
    diagnostics: all.map((problem) => located(problem, name, spec)),
    broken: broken || misfits.length > 0,
    corrections: problems.flatMap(({ right, at }) =>
      right === undefined ? [] : [{ ...spec.placeOf(at), count: right }],
    ),
  }
}

/** Mistakes that no type can see: a type error on their line is another mistake. */
const unseen: ReadonlySet<string> = new Set(["HS1003", "HS1004", "HS1018", "HS1019"])

/** One sentence at one place, whoever found it; of two on a line, the one with our code says it better. */
const merged = (typed: readonly Diagnostic[], evaluated: readonly Diagnostic[]): readonly Diagnostic[] => {
  const key = ({ file, line, code, message }: Diagnostic) => `${file}|${line}|${code}|${message}`
  const ours = new Map(evaluated.map((d) => [key(d), d]))
  const lines = new Set(
    evaluated
      .filter(({ severity, code }) => severity === "error" && !unseen.has(code))
      .map(({ file, line }) => `${file}|${line}`),
  )
  const codes = new Set(evaluated.map(({ file, line, code }) => `${file}|${line}|${code}`))
  // Where a type error and an evaluated error share a line, the mistake is one; evaluated, its numbers are known.
  const same = (d: Diagnostic) =>
    ours.has(key(d)) ||
    codes.has(`${d.file}|${d.line}|${d.code}`) ||
    (d.code.startsWith("TS") && lines.has(`${d.file}|${d.line}`))
  const rest = typed.filter((d) => !same(d))
  // The editor shows the type's place: told twice, a mistake has that one.
  const placed = evaluated.map((d) => {
    const twins = typed.filter(({ file, line, code }) => file === d.file && line === d.line && code === d.code)
    const alone = evaluated.filter(({ file, line, code }) => file === d.file && line === d.line && code === d.code)
    return twins.length === 1 && alone.length === 1 ? { ...d, column: twins[0]!.column } : d
  })
  return [...rest, ...placed]
}

const bySource = (order: readonly string[]) => (a: Diagnostic, b: Diagnostic) =>
  order.indexOf(a.file) - order.indexOf(b.file) || a.line - b.line || a.column - b.column

/** The models of a spec that were asked for as `spec#name`, by their own name or their training's; else all. */
const chosen = (spec: EvaluatedSpec, name: string | undefined): EvaluatedSpec["models"] | Diagnostic => {
  if (name === undefined) return spec.models
  const wanted = spec.trainings.find((training) => training.name === name)?.model ?? name
  const models = spec.models.filter((model) => model.name === wanted)
  const names = spec.models.map((model) => model.name)
  return models.length > 0 || names.length === 0
    ? models
    : aboutFile(
        spec.entry,
        "HS1008",
        `the spec exports no model '${name}'`,
        `The nearest is '${closest(name, names)}'.`,
      )
}

/** Compiles specs given as folders or files; `spec#name` is one model of a spec. */
export const compileSpecs = async (given: readonly string[], options: CompileOptions = {}): Promise<Compiled> => {
  const asked = given.map((one) => one.split("#") as [path: string, name?: string])
  // What an editor has open need not be saved yet.
  const resolved = asked.map(([path]) => (options.sources?.has(path) ? path : resolveSpec(path)))
  const names = asked.filter((_, i) => typeof resolved[i] === "string").map(([, name]) => name)
  const entries = resolved.filter((entry): entry is string => typeof entry === "string")
  const unfound = resolved.filter((entry): entry is Diagnostic => typeof entry !== "string")
  const [typed, specs] = await Promise.all([
    entries.length === 0 ? [] : typeCheck(entries, options.sources),
    Promise.all(entries.map((entry) => evaluateSpec(entry, options.sources?.get(entry)))),
  ])
  const choices = specs.map((spec, i) => chosen(spec, names[i]))
  const modelsOf = (i: number) => [choices[i]!].flatMap((choice) => ("code" in choice ? [] : choice))
  const missing = choices.filter((choice): choice is Diagnostic => "code" in choice)
  const count = specs.reduce((n, _, i) => n + modelsOf(i).length, 0)
  const costs = options.cost !== undefined && count <= options.cost.atMost
  const compiled = specs.flatMap((spec, i) =>
    modelsOf(i).map(({ name, data }) =>
      compileModel(spec, name, withInputSize(data, options.inputSize), options, costs),
    ),
  )
  const evaluated = [
    ...missing,
    ...specs.flatMap(({ diagnostics }) => diagnostics),
    ...compiled.flatMap(({ diagnostics }) => diagnostics),
  ]
  const unique = [
    ...new Map(
      merged(typed, evaluated).map((d) => [`${d.file}|${d.line}|${d.column}|${d.code}|${d.message}`, d]),
    ).values(),
  ]
  const order = [...new Set([...entries, ...unique.map(({ file }) => file)])]
  const diagnostics = [...unfound, ...unique.toSorted(bySource(order))]
  // Of what is broken no number would be true.
  const models = compiled.filter(({ broken }) => !broken).map(({ model }) => model)
  return {
    specs,
    models,
    report: { $schema: schemaName, schema: 1, hasam: version, models: models.map(({ report }) => report), diagnostics },
    corrections: compiled.flatMap(({ corrections }) => corrections),
  }
}
