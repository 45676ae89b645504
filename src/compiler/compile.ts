/** Specs → reports and diagnostics: types and values checked side by side. */
import { closest } from "fastest-levenshtein"
import { grouped } from "../dsl/grouped.ts"
import type { Pair } from "../dsl/layer.ts"
import type { ModelData } from "../dsl/model.ts"
import { own } from "../dsl/own.ts"
import { promptingOf } from "../dsl/task.ts"
import { asks, defaultsFor, type Prompt, type TrainingOptions, unmoved } from "../dsl/training.ts"
import { modelProblems, type Problem } from "./analysis/checks.ts"
import { analysisLimit, withinTime } from "./analysis/limit.ts"
import { type ModelTensor, tensorTable } from "./analysis/parameters.ts"
import { rateProblems, tuningProblems } from "./analysis/rates.ts"
import { codes } from "./codes/index.ts"
import { aboutFile, type Diagnostic } from "./diagnostic.ts"
import { type EvaluatedSpec, evaluateSpec } from "./frontend/evaluate.ts"
import { version } from "./frontend/package.ts"
import { resolveSpec, splitSpec } from "./frontend/resolve.ts"
import type { Correction } from "./frontend/rewrite.ts"
import { type Sources, typeCheck } from "./frontend/typecheck.ts"
import { Misfit } from "./passes/elaborate/context.ts"
import { type InputSizes, outline, standardSizes } from "./passes/elaborate/index.ts"
import { lossProblems, unteachable } from "./passes/losses.ts"
import { modelReport } from "./report/model.ts"
import { type ModelReport, type Report, schemaName } from "./report/report.ts"

export interface CompileOptions {
  /** Height and width of the image that the network sees, in place of the spec's. */
  readonly inputSize?: Pair
  /** Fills in what a model costs, unless there are more models than `atMost`; left out, the report counts only. */
  readonly cost?: {
    readonly of: (
      model: ModelData,
      tensors: readonly ModelTensor[],
      options: TrainingOptions,
    ) => Pick<ModelReport, "flops" | "memory" | "equations">
    readonly atMost: number
  }
  /** Is told what models count as soon as they are counted, before types have been checked. */
  readonly counted?: (found: Pick<Compiled, "specs" | "models">) => void
  /** Texts that an editor has open, by the paths of the files in whose place they are. */
  readonly sources?: Sources
  /** Which of the tensors that learn receive a gradient. */
  readonly receives?: (model: ModelData, learning: readonly string[], sizes: InputSizes) => ReadonlySet<string>
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

export { version }

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
  prompt: Prompt,
): readonly Problem[] => {
  const taught = Object.values(model.teaches).map(({ kind }) => (kind === "masks" ? "mask" : kind))
  const prompted = promptingOf(model.takes).includes(asks(prompt))
  const what = `a ${taught.join(" and ")} loss${prompted ? ` with a ${asks(prompt) === "box" ? "box" : "point"} prompt` : ""}`
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
      message: `in '${name}', ${grouped(size)} ${size === 1 ? "parameter learns but receives" : "parameters learn but receive"} no gradient from ${what}: ${names.join(", ")}${rest}`,
      help: prompted
        ? "Freeze them, or prompt the model so that they are used."
        : "Freeze them, or use them in the forward.",
    },
  ]
}

/** How the spec trains a model: its first training, or what is usual. */
export const trainingOf = (spec: Pick<EvaluatedSpec, "trainings">, name: string, model: ModelData): TrainingOptions =>
  spec.trainings.find((training) => training.model === name)?.training ?? defaultsFor(model)

/** What a training asks of its model and the model has not. */
const trainingProblems = (
  { trainings }: EvaluatedSpec,
  name: string,
  model: ModelData,
  tensors: readonly ModelTensor[],
): readonly Problem[] =>
  trainings
    .filter((training) => training.model === name)
    .flatMap(({ training: { loss, prompt, jitter, rates, autoLr, at } }) => {
      const kinds = promptingOf(model.takes)
      const idle: readonly Problem[] = tensors.some(({ learns }) => learns)
        ? []
        : [
            {
              at,
              code: "HS1016",
              severity: "warning",
              message: `'${name}' is to be trained, but nothing of it learns`,
              help: "Unfreeze a part, or add adapters after freezeAll.",
            },
          ]
      const wrong: Problem[] = [
        ...idle,
        ...rateProblems(name, model, rates, at),
        ...(autoLr === undefined || idle.length > 0 ? [] : tuningProblems(name, model, at)),
        ...lossProblems(loss, model.teaches).map((message) => ({
          at,
          code: "HS1030" as const,
          severity: "error" as const,
          message: `'${name}': ${message}`,
        })),
      ]
      // Who takes no prompt at all is not asked: the default says a point.
      const unasked = kinds.length === 0 ? prompt.kind !== "centre" : !kinds.includes(asks(prompt))
      if (unasked)
        wrong.push({
          at,
          code: "HS1031",
          severity: "error",
          message: `'${name}' takes no ${asks(prompt) === "box" ? "boxes" : "points"}, but is trained with the prompt '${prompt.kind}'`,
          help: kinds.length === 0 ? "It takes no prompts: leave prompt out." : `It takes ${kinds.join(" and ")}.`,
        })
      const still = jitter === undefined || unasked ? undefined : unmoved(prompt, model)
      if (still !== undefined)
        wrong.push({ at, code: "HS1031", severity: "error", message: `'${name}': ${still}`, help: "Leave it out." })
      return wrong
    })

const taughtProblems = (name: string, model: ModelData, sizes: InputSizes): readonly Problem[] => {
  const outputs = Object.entries(model.teaches)
  if (outputs.length === 0) return []
  const { shapeOf } = outline(model, sizes)
  return outputs.flatMap(([output, taught]): Problem[] => {
    const shape = shapeOf(output)
    const message = shape === undefined ? `the network gives no '${output}'` : unteachable(output, taught, shape)
    return message === undefined
      ? []
      : [{ at: model.at, code: "HS1029", severity: "error", message: `${name}: ${message}` }]
  })
}

const compileModel = (spec: EvaluatedSpec, name: string, data: ModelData, options: CompileOptions, costs: boolean) => {
  const tensors = tensorTable(data)
  const training = trainingOf(spec, name, data)
  const problems = [...modelProblems(name, data, tensors), ...trainingProblems(spec, name, data, tensors)]
  const broken = problems.some(
    ({ severity, code }) => severity === "error" && !["HS1003", "HS1004", "HS1016", "HS1019"].includes(code),
  )
  const learning = tensors.filter(({ learns }) => learns).map((tensor) => tensor.name)
  let receiving: ReadonlySet<string> | undefined
  let cost: Pick<ModelReport, "flops" | "memory" | "equations"> = {}
  const misfits: Problem[] = []
  if (!broken)
    try {
      const sizes = standardSizes(data, 1, asks(training.prompt))
      misfits.push(...taughtProblems(name, data, sizes))
      receiving = options.receives?.(data, learning, sizes)
      cost = costs && misfits.length === 0 ? options.cost!.of(data, tensors, training) : {}
    } catch (problem) {
      if (!(problem instanceof Misfit)) throw problem
      const { path, at, widths, message } = problem
      const where = `${name}${path === "" ? "" : ` > ${path.replaceAll(".", " > ")}`}: `
      misfits.push({
        at: at ?? data.at,
        code: widths ? "HS1010" : "HS1022",
        severity: "error",
        message: widths ? message : `${where}${message}`,
        ...(widths ? { help: `In ${where.slice(0, -2)}.` } : {}),
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
  const all = [...problems, ...misfits, ...unreachedProblems(name, tensors, receiving, data, training.prompt)]
  return {
    model: { name, data, report },
    diagnostics: all.map((problem) => located(problem, name, spec)),
    broken: broken || misfits.length > 0,
    corrections: problems.flatMap(({ right, at }) =>
      right === undefined ? [] : [{ ...spec.placeOf(at), count: right }],
    ),
  }
}

/** About an expectation, which models that derive from its model carry along: told once. */
const inherited: ReadonlySet<string> = new Set(["HS1003", "HS1004", "HS1016", "HS1019"])

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
  // What the types say of the whole call, evaluation says at its beginning.
  const said = new Set(evaluated.map(({ file, code, message }) => `${file}|${code}|${message}`))
  const same = (d: Diagnostic) =>
    ours.has(key(d)) ||
    said.has(`${d.file}|${d.code}|${d.message}`) ||
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

/** What types say has no cure with it: the code's own. */
const cured = (one: Diagnostic): Diagnostic => {
  const known = own(codes as Readonly<Record<string, { readonly cure: string }>>, one.code)
  return one.help !== undefined || known === undefined ? one : { ...one, help: known.cure }
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

const isVague = ({ message }: Diagnostic): boolean => /\$\{(number|string|any)\}/.test(message)
const filled = (one: Diagnostic): Diagnostic => ({
  ...one,
  message: one.message
    .replace(/'?\$\{(?:string|any)\}'?/g, "such a name")
    .replace(/\$\{number\}/g, "another number of"),
})

/** A model that takes too long to analyse is told as such; nothing of it is reported. */
const limited: typeof compileModel = (spec, name, data, options, costs) => {
  let result: ReturnType<typeof compileModel> | "timeout" | "too large"
  try {
    result = withinTime(() => compileModel(spec, name, data, options, costs))
  } catch (problem) {
    // A list that JavaScript cannot hold, or layers within layers without end.
    if (!(problem instanceof RangeError)) throw problem
    result = "too large"
  }
  if (typeof result !== "string") return result
  const tooLong: Diagnostic = {
    ...spec.exportOf(name),
    code: "HS1050",
    severity: "error",
    message:
      result === "timeout"
        ? `analysing '${name}' took longer than ${analysisLimit / 1000} s`
        : `'${name}' is too large to be analysed`,
    help: "Look for an image size, a depth or a factor with too many digits.",
  }
  const tensors = tensorTable(data)
  return {
    model: { name, data, report: modelReport(name, data, tensors, spec.placeOf) },
    diagnostics: [tooLong],
    broken: true,
    corrections: [],
  }
}

/** Compiles specs given as folders or files; `spec#name` is one model of a spec. */
export const compileSpecs = async (given: readonly string[], options: CompileOptions = {}): Promise<Compiled> => {
  const asked = given.map((one) => splitSpec(one)).map(({ path, name }) => [path, name] as const)
  // What an editor has open need not be saved yet.
  const resolved = asked.map(([path]) => (options.sources?.has(path) ? path : resolveSpec(path)))
  const names = asked.filter((_, i) => typeof resolved[i] === "string").map(([, name]) => name)
  const entries = resolved.filter((entry): entry is string => typeof entry === "string")
  const unfound = resolved.filter((entry): entry is Diagnostic => typeof entry !== "string")
  const evaluating = Promise.all(
    entries.map((entry) => evaluateSpec(entry, { sources: options.sources, inputSize: options.inputSize })),
  )
  // Another process checks the types while specs are bundled and run, and models are counted here.
  const typing = entries.length === 0 ? Promise.resolve([]) : typeCheck(entries, options.sources)
  for (const promise of [evaluating, typing]) promise.catch(() => undefined) // told where they are awaited
  const specs = await evaluating
  const choices = specs.map((spec, i) => chosen(spec, names[i]))
  const modelsOf = (i: number) => [choices[i]!].flatMap((choice) => ("code" in choice ? [] : choice))
  const missing = choices.filter((choice): choice is Diagnostic => "code" in choice)
  const count = specs.reduce((n, _, i) => n + modelsOf(i).length, 0)
  const costs = options.cost !== undefined && count <= options.cost.atMost
  const compiled = specs.flatMap((spec, i) =>
    (spec.senseless ? [] : modelsOf(i)).map(({ name, data }) => limited(spec, name, data, options, costs)),
  )
  // Of what is broken no number would be true.
  const models = compiled.filter(({ broken }) => !broken).map(({ model }) => model)
  options.counted?.({ specs, models })
  const typed = await typing
  // A sentence of the types with a hole in it, such as ${number}, follows from something else: it is told, filled, where nothing else is.
  const [vague, firm] = [typed.filter(isVague), typed.filter((one) => !isVague(one))]
  // Where types are wrong, what a spec throws only follows from them.
  const follows = ({ files }: EvaluatedSpec, { code }: Diagnostic): boolean =>
    (code === "HS1005" || code === "HS1008" || code === "HS1049") &&
    firm.some(({ file, code }) => code !== "HS1025" && files.includes(file))
  const evaluated = [
    ...missing,
    ...specs.flatMap((spec) => spec.diagnostics.filter((one) => !follows(spec, one))),
    ...compiled.flatMap(({ diagnostics }) => diagnostics),
  ]
  const told = [...firm, ...evaluated].filter(({ severity }) => severity === "error")
  const sole = vague
    .filter(
      ({ file, line }) =>
        !told.some((one) => one.file === file) && !evaluated.some((one) => one.file === file && one.line === line),
    )
    .map(filled)
  const unique = [
    ...new Map(
      merged([...firm, ...sole], evaluated)
        // The first is kept: of a problem that models inherit, the model that it is written on.
        .toReversed()
        .map((d) => [`${d.file}|${d.line}|${d.column}|${d.code}|${inherited.has(d.code) ? "" : d.message}`, d]),
    ).values(),
  ].toReversed()
  const order = [...new Set([...entries, ...unique.map(({ file }) => file)])]
  const diagnostics = [...unfound, ...unique.toSorted(bySource(order))].map(cured)
  return {
    specs,
    models,
    report: { $schema: schemaName, schema: 1, hasam: version, models: models.map(({ report }) => report), diagnostics },
    corrections: [
      ...new Map(
        compiled.flatMap(({ corrections }) => corrections).map((one) => [`${one.file}|${one.line}|${one.column}`, one]),
      ).values(),
    ],
  }
}
