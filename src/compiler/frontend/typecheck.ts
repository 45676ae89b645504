/** tsc reads the specs in a process of its own, while this one evaluates them. */
import { execFile } from "node:child_process"
import { existsSync, rmSync, statSync, writeFileSync } from "node:fs"
import { createRequire } from "node:module"
import { dirname, isAbsolute, join, parse as parsePath, relative, resolve, sep } from "node:path"
import type { Diagnostic } from "../diagnostic.ts"
import { aboutFile } from "../diagnostic.ts"
import { makeFolderNow } from "../folders.ts"
import { reason } from "../system.ts"
import { knownClean, rememberClean } from "./checked.ts"
import { language, version } from "./package.ts"
import { codeOfSentence } from "./sentences.ts"
import { temporaryFolder } from "./temporary.ts"
import { translated } from "./translations.ts"

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

/** What texts that lie elsewhere than their files are given: what lies beside the files, and the packages installed above them. */
interface Opened {
  readonly rootDirs: readonly string[]
  readonly modules: readonly string[]
}

/** Strict whatever the user's own tsconfig says: the language's types prove things only then. */
const config = (entries: readonly string[], opened: Opened = { rootDirs: [], modules: [] }) => ({
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
    paths: {
      hasam: [language.types],
      ...(opened.modules.length === 0 ? {} : { "*": opened.modules.map((folder) => `${folder}/*`) }),
    },
    ...(opened.rootDirs.length === 0 ? {} : { rootDirs: opened.rootDirs }),
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

/** A path's line break would end the line that names it. */
const broken = /[\n\r]/
const marked = (
  output: string,
  folder: string,
  entries: readonly string[],
): readonly [text: string, pathOf: (file: string) => string] => {
  const folders = [...new Set(entries.map(dirname))]
    .filter((one) => broken.test(one))
    .map((one) => relative(folder, one))
  const mark = (i: number) => `\0${i}`
  return [
    folders.reduce((text, one, i) => text.replaceAll(one, mark(i)), output),
    (file) => folders.reduce((path, one, i) => path.replace(mark(i), one), file),
  ]
}

/** A line of tsc's output, and the indented lines that explain it. */
const parse = (output: string, folder: string, entries: readonly string[]): readonly Diagnostic[] => {
  const [text, pathOf] = marked(output, folder, entries)
  const found: { file: string; line: number; column: number; code: `TS${number}`; text: string }[] = []
  for (const line of text.split("\n")) {
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
      found.push({ file: resolve(folder, pathOf(file)), line: Number(l), column: Number(column), code, text })
    } else if (/^\s/.test(line) && found.length > 0) found.at(-1)!.text += ` ${line.trim()}`
  }
  const all = found.map(({ file, line, column, code, text }): Diagnostic => {
    const sentence = /Problem<(?:"|`)([^"`]+)(?:"|`)(?:>| \|)/.exec(text)?.[1]
    const known = sentence === undefined ? undefined : codeOfSentence(sentence)
    const ours = known === undefined ? translated(firstSentence(text)) : undefined
    if (ours !== undefined) return { file, line, column, severity: "error", ...ours }
    return known === undefined
      ? { file, line, column, code, severity: "error", ...(reachesOut(text) ?? { message: firstSentence(text) }) }
      : { file, line, column, code: known, severity: "error", message: sentence! }
  })
  // What the checker says of the same place in its own words follows from it.
  const placeOf = ({ file, line, column }: Diagnostic) => `${file}|${line}|${column}`
  const ours = new Set(all.filter(({ code }) => !code.startsWith("TS")).map(placeOf))
  return all.filter((one) => !one.code.startsWith("TS") || !ours.has(placeOf(one)))
}

/** Where --types writes a spec's counts. */
export const countsFile = (entry: string): string => join(dirname(entry), ".hasam/counts.d.ts")

/** Texts that an editor has open, in place of their files. */
export type Sources = ReadonlyMap<string, string>

/** Where an open text lies in the folder: as its file lies below the root, so that `../` means the same from there. */
const shadowOf = (folder: string, file: string): string => join(folder, "open", relative(parsePath(file).root, file))

const above = (folder: string): readonly string[] =>
  dirname(folder) === folder ? [folder] : [folder, ...above(dirname(folder))]

/** Writes open texts into the folder: what imports from there finds first what is open, then what is saved. */
const openedIn = (sources: Sources, folder: string): Opened => {
  for (const [file, text] of sources) {
    const shadow = shadowOf(folder, file)
    makeFolderNow(dirname(shadow))
    writeFileSync(shadow, text)
  }
  const files = [...sources.keys()]
  const modules = files.flatMap((file) => above(dirname(file)).map((one) => join(one, "node_modules")))
  return {
    rootDirs: files.length === 0 ? [] : [join(folder, "open"), ...new Set(files.map((file) => parsePath(file).root))],
    modules: [...new Set(modules)].filter((one) => existsSync(one)),
  }
}

interface Project {
  readonly folder: string
  /** Where the checker reads a file that is an editor's text → the file. */
  readonly written: ReadonlyMap<string, string>
}

/** A folder with the project to check, or why there is none. */
const projectOf = (entries: readonly string[], sources: Sources): Project | Error => {
  let folder: string | undefined
  try {
    folder = temporaryFolder("tsc")
    const ambient = join(folder, "globals.d.ts")
    writeFileSync(ambient, globals)
    const opened = openedIn(sources, folder)
    const read = entries.map((entry) => (sources.has(entry) ? shadowOf(folder!, entry) : entry))
    const files = [...read, ambient, ...entries.map(countsFile).filter((file) => existsSync(file))]
    writeFileSync(join(folder, "tsconfig.json"), JSON.stringify(config(files, opened)))
    return { folder, written: new Map([...sources.keys()].map((file) => [shadowOf(folder!, file), file])) }
  } catch (problem) {
    if (folder !== undefined) rmSync(folder, { recursive: true, force: true })
    return problem as Error
  }
}

/** What a check depends on beside the files that it reads; undefined where one cannot tell, and nothing is remembered. */
const keyOf = (entries: readonly string[], [tsc, ...first]: Command): string | undefined => {
  if (process.env["HASAM_TSC"] !== undefined) return undefined
  const checker = first[0] ?? tsc
  const { size, mtimeMs } = statSync(checker)
  const counts = entries.map(countsFile).filter((file) => existsSync(file))
  return JSON.stringify([
    version,
    process.execPath,
    tsc,
    first,
    size,
    mtimeMs,
    config([...entries, ...counts]),
    globals,
  ])
}

/** Folders whose files change only when something is installed: the checker's, the language's, and what the language's types are made of. */
const settledBy = (checker: string): readonly string[] =>
  [dirname(dirname(checker)), dirname(language.types), dirname(require.resolve("fp-ts/package.json"))].map(
    (folder) => `${folder}${sep}`,
  )

/** Lines of `--listFiles`: the program's files, but for the one that this process wrote. */
const filesOf = (stdout: string, folder: string): readonly string[] =>
  stdout
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => isAbsolute(line) && !line.startsWith(folder))
    .toSorted()

/** All type errors of the specs, in one run; none is made where the same was found to be clean before. */
export const typeCheck = (entries: readonly string[], sources: Sources = new Map()): Promise<readonly Diagnostic[]> => {
  // What was not checked is not fine.
  const notRun = (reason: string, help: string): Diagnostic =>
    aboutFile(entries[0]!, "HS1025", `the type checker did not run: ${firstSentence(reason).slice(0, 200)}`, help)
  const checker = typeChecker()
  if (checker === undefined)
    return Promise.resolve([notRun("TypeScript is not installed", "Install it beside hasam: npm install typescript.")])
  const key = sources.size > 0 ? undefined : keyOf(entries, checker)
  if (key !== undefined && knownClean(key)) return Promise.resolve([])
  const [tsc, ...first] = checker
  const project = projectOf(entries, sources)
  if (project instanceof Error)
    return Promise.resolve([
      notRun(
        `the folder for temporary files: ${reason(project)}`,
        "It needs a folder for temporary files: set TMPDIR to one that can be written, or free space.",
      ),
    ])
  const { folder, written } = project
  const since = Date.now()
  return new Promise((done) => {
    execFile(
      tsc,
      [...first, "-p", join(folder, "tsconfig.json"), "--pretty", "false", "--listFiles"],
      { cwd: folder, maxBuffer: 64 * 2 ** 20 },
      (error, stdout, stderr) => {
        rmSync(folder, { recursive: true, force: true })
        const found = parse(stdout, folder, entries).map((one) => ({ ...one, file: written.get(one.file) ?? one.file }))
        const silent = error !== null && found.length === 0
        if (key !== undefined && error === null && found.length === 0)
          rememberClean(key, filesOf(stdout, folder), settledBy(first[0] ?? tsc), since)
        const help =
          process.env["HASAM_TSC"] === undefined
            ? "Reinstall with npm ci."
            : "HASAM_TSC names it: correct or unset that."
        done(silent ? [notRun(stderr || stdout || error.message, help)] : found)
      },
    )
  })
}
