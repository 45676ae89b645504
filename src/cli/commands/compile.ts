import { cpuMemory } from "../../backends/onnx/memory.ts"
import { costReport, receivingOf } from "../../compiler/analysis/summary.ts"
import type { Compiled } from "../../compiler/compile.ts"
import { compileSpecs } from "../../compiler/compile.ts"
import type { Report } from "../../compiler/report/report.ts"
import { modelText, summaryText } from "../../compiler/report/text.ts"
import { counted } from "../../compiler/report/units.ts"
import type { Pair } from "../../dsl/layer.ts"
import type { Precision, Storage } from "../../dsl/training.ts"
import { remembered } from "../costs.ts"
import { colors, exitCodeOf, say, talk, talkDiagnostics } from "../output.ts"
import { lowerTo, targetNamed } from "../targets/index.ts"
import { neededOn } from "../targets/memory.ts"

export interface CompileFlags {
  readonly target?: string
  readonly out: string
  readonly weights?: string
  readonly half?: boolean
  readonly example?: string
  readonly report?: readonly string[]
  readonly json?: boolean
  readonly inputSize?: Pair
  readonly batch?: number
  readonly memory?: number
  readonly precision?: Precision
  readonly attention?: "whole" | "fused"
  readonly frozen?: Storage
  readonly budget?: string
  readonly update?: boolean
  readonly watch?: boolean
  readonly dump?: string
  readonly stopAfter?: string
  readonly brief?: boolean
  readonly cost?: boolean
  readonly types?: boolean
}

/** More models than this are a table: a screen holds no more. */
const most = 3

const textOf = ({ models }: Report, brief: boolean | undefined): string =>
  brief || models.length > most
    ? [summaryText(models, { colors }), "", expectationsText(models)].join("\n").trimEnd()
    : models.map((model) => modelText(model, { colors })).join("\n\n")

const expectationsText = (models: Report["models"]): string => {
  const all = models.flatMap(({ name, expectations }) => expectations.map((expectation) => ({ name, ...expectation })))
  if (all.length === 0) return ""
  const held = all.filter(({ holds }) => holds).length
  return held === all.length
    ? colors.green(held === 1 ? "✓ the expectation holds" : `✓ all ${held} expectations hold`)
    : colors.red(
        `✗ ${all.length - held} of ${counted(all.length, "expectation")} ${all.length - held === 1 ? "does" : "do"} not hold`,
      )
}

/** Counts alone are asked for: what a model costs is most of the work, and a line a model has no place for it. */
const countsOnly = ({ brief, cost, json, report, target, budget }: CompileFlags): boolean =>
  brief === true && [cost, json, report, target, budget].every((asked) => asked === undefined || asked === false)

const once = async (specs: readonly string[], flags: CompileFlags): Promise<Compiled> => {
  const atMost = flags.cost ? Number.POSITIVE_INFINITY : most
  const compiled = await compileSpecs(specs, {
    ...(flags.inputSize === undefined ? {} : { inputSize: flags.inputSize }),
    ...(countsOnly(flags)
      ? {}
      : {
          cost: {
            of: remembered(costReport(flags.batch, cpuMemory, flags.frozen), [flags.batch, flags.frozen]),
            atMost,
          },
        }),
    receives: receivingOf,
  })
  const known = compiled.specs.flatMap(({ models }) => models.map(({ name }) => name))
  const withBudget =
    flags.budget === undefined
      ? []
      : await (await import("../budget.ts")).overBudget(flags.budget, compiled.report, known)
  const diagnostics = [...compiled.report.diagnostics, ...withBudget]
  const right = exitCodeOf(diagnostics as never) === 0
  const models =
    flags.target === undefined || !right ? compiled.report.models : await neededOn(flags.target, compiled, flags)
  const report = { ...compiled.report, models: [...models], diagnostics }
  if (flags.json) say(JSON.stringify(report, null, 2))
  else {
    if (report.models.length > 0 && flags.dump === undefined && flags.stopAfter === undefined)
      say(textOf(report, flags.brief))
    talkDiagnostics(compiled.report.diagnostics.concat(withBudget) as never)
  }
  process.exitCode = exitCodeOf(diagnostics as never)
  return { ...compiled, report }
}

const update = async (compiled: Compiled): Promise<boolean> => {
  if (compiled.corrections.length === 0) return false
  const { corrected } = await import("../../compiler/frontend/rewrite.ts")
  const { writeAtomically } = await import("../../runtime/files.ts")
  for (const [file, text] of corrected(compiled.corrections)) await writeAtomically(file, text)
  talk(`updated ${counted(compiled.corrections.length, "expectation")}`)
  return true
}

/** hasam compile */
export const compile = async (specs: readonly string[], flags: CompileFlags): Promise<void> => {
  // A wrong target is told before anything is compiled.
  if (flags.target !== undefined) targetNamed(flags.target)
  if (flags.watch) return (await import("../watch.ts")).watch(specs, () => once(specs, flags))
  let compiled = flags.update ? await quietly(specs, flags) : await once(specs, flags)
  if (flags.update) {
    await update(compiled)
    compiled = await once(specs, flags)
  }
  if (process.exitCode !== 0 && process.exitCode !== undefined) {
    // What is wrong belongs into those reports that can say it.
    const { withDiagnostics, writeReports } = await import("../reports.ts")
    const wanted = (flags.report ?? []).filter((form) => withDiagnostics.includes(form))
    return writeReports(compiled.report, wanted, flags.out)
  }
  if (flags.types) await (await import("../countTypes.ts")).writeCountTypes(compiled)
  if (flags.dump !== undefined || flags.stopAfter !== undefined) (await import("../dump.ts")).dump(compiled, flags)
  if (flags.report !== undefined)
    await (await import("../reports.ts")).writeReports(compiled.report, flags.report, flags.out)
  if (flags.target !== undefined) await lowerTo(compiled, flags.target, flags)
}

const quietly = (specs: readonly string[], { inputSize }: CompileFlags): Promise<Compiled> =>
  compileSpecs(specs, inputSize === undefined ? {} : { inputSize })
