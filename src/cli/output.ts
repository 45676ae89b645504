/** The only place that prints: answers on stdout, talk on stderr, colour only on a terminal. */
import { relative } from "node:path"
import { styleText } from "node:util"
import type { Diagnostic } from "../compiler/diagnostic.ts"
import { type Colors, plain } from "../compiler/report/colors.ts"

const styled = (format: keyof Colors) => (text: string) => styleText(format, text)
const onTerminal: Colors = {
  bold: styled("bold"),
  dim: styled("dim"),
  red: styled("red"),
  green: styled("green"),
  yellow: styled("yellow"),
}
const colorsOf = ({ isTTY }: { readonly isTTY?: boolean }): Colors =>
  isTTY === true && !process.env["NO_COLOR"] ? onTerminal : plain

export const colors = colorsOf(process.stdout)
const errorColors = colorsOf(process.stderr)

export const say = (text: string): void => void process.stdout.write(`${text}\n`)
export const talk = (text: string): void => void process.stderr.write(`${text}\n`)

const shownFile = (file: string): string => {
  const near = relative(process.cwd(), file)
  return near === "" || near.startsWith("../../..") ? file : near
}

/** A diagnostic in the form of tsc, which editors read; the cure on a line of its own. */
export const diagnosticText = (
  { file, line, column, code, severity, message, help }: Diagnostic,
  color = colors,
): string => {
  const place = line === 0 ? shownFile(file) : `${shownFile(file)}(${line},${column})`
  const kind = severity === "error" ? color.red("error") : color.yellow("warning")
  const cure = help === undefined ? "" : `\n  ${color.dim(help)}`
  return `${place}: ${kind} ${color.bold(code)}: ${message}${cure}`
}

/** All diagnostics, then how many. */
export const talkDiagnostics = (diagnostics: readonly Diagnostic[]): void => {
  for (const diagnostic of diagnostics) talk(diagnosticText(diagnostic, errorColors))
  const errors = diagnostics.filter(({ severity }) => severity === "error").length
  const codes = diagnostics
    .filter(({ severity, code }) => severity === "error" && code.startsWith("HS"))
    .map(({ code }) => code)
  if (errors > 0)
    talk(
      errorColors.dim(
        `${errors} error${errors === 1 ? "" : "s"}.${codes.length === 0 ? "" : ` hasam explain ${codes[0]} says more.`}`,
      ),
    )
}

export const exit = { fine: 0, wrong: 1, usage: 2, overBudget: 3, interrupted: 130 } as const

/** What is wrong with a command line, not with what it names. */
const usage: ReadonlySet<string> = new Set(["HS5002", "HS2503"])

/** 3 if the only errors are budgets, 2 if they are about the command line, 1 if there are others, 0 if there are none. */
export const exitCodeOf = (diagnostics: readonly Diagnostic[]): number => {
  const errors = diagnostics.filter(({ severity }) => severity === "error")
  if (errors.length === 0) return exit.fine
  if (errors.every(({ code }) => usage.has(code))) return exit.usage
  return errors.every(({ code }) => code === "HS1019") ? exit.overBudget : exit.wrong
}
