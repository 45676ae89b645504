/** tsc reads the specs in a process of its own, while this one evaluates them. */
import { execFile } from "node:child_process"
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { createRequire } from "node:module"
import { tmpdir } from "node:os"
import { basename, dirname, join, resolve } from "node:path"
import type { Diagnostic } from "../diagnostic.ts"
import { aboutFile } from "../diagnostic.ts"
import { language } from "./package.ts"
import { codeOfSentence } from "./sentences.ts"

const require = createRequire(import.meta.url)

/** A command and its first arguments. */
type Command = readonly [string, ...string[]]

/** TypeScript 7's program for this platform: its launcher in JavaScript would cost 0.05 s more. */
const nativeTsc = (typescript: string): string | undefined => {
  try {
    const name = `@typescript/typescript-${process.platform}-${process.arch}/package.json`
    const platform = createRequire(typescript).resolve(name)
    return join(platform, "../lib", process.platform === "win32" ? "tsc.exe" : "tsc")
  } catch {
    return undefined
  }
}

/** The type checker: what HASAM_TSC names, or the TypeScript that is installed, 5.9 or newer; nothing where there is none. */
const typeChecker = (): Command | undefined => {
  const given = process.env["HASAM_TSC"]
  if (given !== undefined) return [given]
  try {
    const typescript = require.resolve("typescript/package.json")
    const native = nativeTsc(typescript)
    return native === undefined ? [process.execPath, join(typescript, "../lib/tsc.js")] : [native]
  } catch {
    return undefined
  }
}

/** Strict whatever the user's own tsconfig says: the language's types prove things only then. */
const config = (entries: readonly string[], rootDirs: readonly string[] = []) => ({
  compilerOptions: {
    strict: true,
    target: "es2022",
    lib: ["es2023"],
    module: "preserve",
    moduleResolution: "bundler",
    moduleDetection: "force",
    types: [],
    noEmit: true,
    skipLibCheck: true,
    allowImportingTsExtensions: true,
    paths: { hasam: [language.types] },
    // An open file's text lies elsewhere, and imports what lies beside the file.
    ...(rootDirs.length === 0 ? {} : { rootDirs }),
  },
  files: entries,
})
/** What a spec may use beside the language: nothing that reaches outside it. */
const globals = "declare const console: { log(...values: unknown[]): void; error(...values: unknown[]): void }\n"

const firstSentence = (text: string): string => text.replace(/\s+/g, " ").trim()

/** tsc would have Node's types installed; that is not what is wrong. */
const reachesOut = (text: string): { readonly message: string; readonly help: string } | undefined => {
  const [, name] =
    /Cannot find name '([^']+)'\. Do you need to (?:install type definitions|change your target library)/.exec(text) ??
    []
  return name === undefined
    ? undefined
    : {
        message: `a spec has no '${name}': it describes a model, without Node or a browser`,
        help: 'Numbers from elsewhere can be imported: import numbers from "./numbers.json".',
      }
}

/** A line of tsc's output, and the indented lines that explain it. */
const parse = (output: string, folder: string): readonly Diagnostic[] => {
  const found: { file: string; line: number; column: number; code: `TS${number}`; text: string }[] = []
  for (const line of output.split("\n")) {
    const match = /^(.+?)\((\d+),(\d+)\): error (TS\d+): (.*)$/.exec(line)
    if (match !== null) {
      const [, file, l, column, code, text] = match as unknown as [
        string,
        string,
        string,
        string,
        `TS${number}`,
        string,
      ]
      found.push({ file: resolve(folder, file), line: Number(l), column: Number(column), code, text })
    } else if (/^\s/.test(line) && found.length > 0) found.at(-1)!.text += ` ${line.trim()}`
  }
  return found.map(({ file, line, column, code, text }) => {
    const sentence = /Problem<(?:"|`)([^"`]+)(?:"|`)(?:>| \|)/.exec(text)?.[1]
    const known = sentence === undefined ? undefined : codeOfSentence(sentence)
    return known === undefined
      ? { file, line, column, code, severity: "error", ...(reachesOut(text) ?? { message: firstSentence(text) }) }
      : { file, line, column, code: known, severity: "error", message: sentence! }
  })
}

/** Where --types writes a spec's counts. */
export const countsFile = (entry: string): string => join(dirname(entry), ".hasam/counts.d.ts")

const temporary = (): string | Error => {
  try {
    return mkdtempSync(join(tmpdir(), "hasam-"))
  } catch (problem) {
    return problem as Error
  }
}

/** Texts that an editor has open, in place of their files. */
export type Sources = ReadonlyMap<string, string>

/** Writes open texts into the folder; gives where the checker reads each entry. */
const shadowed = (entries: readonly string[], sources: Sources, folder: string): ReadonlyMap<string, string> =>
  new Map(
    entries.map((entry, i) => {
      const text = sources.get(entry)
      if (text === undefined) return [entry, entry]
      const shadow = join(folder, `${i}`, basename(entry))
      mkdirSync(dirname(shadow))
      writeFileSync(shadow, text)
      return [entry, shadow]
    }),
  )

/** All type errors of the specs, in one run. */
export const typeCheck = (entries: readonly string[], sources: Sources = new Map()): Promise<readonly Diagnostic[]> => {
  const notRun = (reason: string): Diagnostic => ({
    ...aboutFile(entries[0]!, "HS1025", `the type checker did not run: ${firstSentence(reason).slice(0, 200)}`),
    severity: "warning",
  })
  const checker = typeChecker()
  if (checker === undefined) return Promise.resolve([notRun("TypeScript is not installed: npm install typescript")])
  const [tsc, ...first] = checker
  const folder = temporary()
  if (folder instanceof Error) return Promise.resolve([notRun(folder.message)])
  const project = join(folder, "tsconfig.json")
  const ambient = join(folder, "globals.d.ts")
  writeFileSync(ambient, globals)
  const read = shadowed(entries, sources, folder)
  const written = new Map([...read].map(([entry, shadow]) => [shadow, entry]))
  const moved = [...read].filter(([entry, shadow]) => entry !== shadow).flat()
  const files = [...read.values(), ambient, ...entries.map(countsFile).filter((file) => existsSync(file))]
  writeFileSync(project, JSON.stringify(config(files, moved.map(dirname))))
  return new Promise((done) => {
    execFile(
      tsc,
      [...first, "-p", project, "--pretty", "false"],
      { cwd: folder, maxBuffer: 64 * 2 ** 20 },
      (error, stdout, stderr) => {
        rmSync(folder, { recursive: true, force: true })
        const found = parse(stdout, folder).map((one) => ({ ...one, file: written.get(one.file) ?? one.file }))
        const silent = error !== null && found.length === 0
        done(silent ? [notRun(stderr || stdout || error.message)] : found)
      },
    )
  })
}
