/** The only place that prints: answers on stdout, talk on stderr, colour only on a terminal. */
import { relative } from "node:path"
import { styleText } from "node:util"
import type { Diagnostic } from "../compiler/diagnostic.ts"
import { type Colors, plain } from "../compiler/report/colors.ts"
import { visible } from "../compiler/report/escape.ts"
import type { Tell } from "../runtime/events.ts"

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

/** Nothing that is printed steers a terminal, whatever names it holds; colours are for terminals only. */
const harmless = (text: string, coloured: boolean): string =>
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  text.replace(coloured ? /\x1b(?!\[\d{1,2}(;\d{1,2})*m)|[^\P{C}\n\t\x1b]/gu : /[^\P{C}\n\t]/gu, visible)

export const say = (text: string): void => void process.stdout.write(`${harmless(text, colors !== plain)}\n`)
export const talk = (text: string): void => void process.stderr.write(`${harmless(text, errorColors !== plain)}\n`)

/** From the current folder, which may have been deleted meanwhile. */
const nearby = (file: string): string => {
  try {
    return relative(process.cwd(), file)
  } catch {
    return file
  }
}

const shownFile = (file: string): string => {
  const near = nearby(file)
  return near === "" || near.startsWith("../../..") ? file : near
}

/** A diagnostic in the form of tsc, which editors read; the cure on a line of its own. */
export const diagnosticText = (
  { file, line, column, code, severity, message, help }: Diagnostic,
  color = colors,
): string => {
  const name = visible(shownFile(file))
  const place = line === 0 ? name : `${name}(${line},${column})`
  const kind = severity === "error" ? color.red("error") : color.yellow("warning")
  const cure = help === undefined ? "" : `\n  ${color.dim(visible(help))}`
  return `${place}: ${kind} ${color.bold(code)}: ${visible(message)}${cure}`
}

/** Diagnostics of one kind that are printed; --json has all of them. */
const most = 100

/** All diagnostics, then how many. */
export const talkDiagnostics = (diagnostics: readonly Diagnostic[]): void => {
  // One mistake in a table of 100,000 rows is not told 100,000 times.
  const shown = new Map<string, number>()
  for (const diagnostic of diagnostics) {
    const kind = `${diagnostic.severity} ${diagnostic.code}`
    const count = (shown.get(kind) ?? 0) + 1
    shown.set(kind, count)
    if (count <= most) talk(diagnosticText(diagnostic, errorColors))
  }
  for (const [kind, count] of shown)
    if (count > most) talk(errorColors.dim(`… and ${(count - most).toLocaleString("en-US")} more of ${kind}`))
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

/** What work tells while it goes on. */
export const tell: Tell = (event) => (event.kind === "note" ? talk(event.line) : talkDiagnostics(event.diagnostics))

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
