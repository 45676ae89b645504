/** A Python for tests, where the machine has one with what they need, and scripts that it runs. */
import { type ChildProcess, execFileSync, spawn } from "node:child_process"
import { mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { createInterface } from "node:readline"
import { fileURLToPath } from "node:url"

/**
 * The first of HASAM_PYTHON, the system's and the path's that has these modules; undefined, with the reason printed, where none has. They are looked for, not
 * imported: importing PyTorch takes two seconds of processor, in each of many test files.
 */
export const pythonWith = (...modules: readonly string[]): string | undefined => {
  const code = `import importlib.util as u, sys; sys.exit(0 if all(u.find_spec(name) for name in ${JSON.stringify(modules)}) else 1)`
  for (const path of [process.env["HASAM_PYTHON"], "/usr/bin/python3", "python3"]) {
    if (path === undefined) continue
    try {
      execFileSync(path, ["-c", code], { stdio: "ignore" })
      return path
    } catch {} // the next
  }
  console.warn(
    `skipped: no Python with ${modules.join(", ")}; install it (scripts/setup-system.sh) or set HASAM_PYTHON`,
  )
  return undefined
}

export interface PythonCall {
  readonly cwd?: string
  readonly env?: NodeJS.ProcessEnv
}
export interface PythonRan {
  /** Exit code; minus the signal that ended it. */
  readonly status: number
  readonly out: string
  readonly talk: string
}

interface Started {
  readonly child: ChildProcess
  readonly answers: AsyncIterator<string>
}
const started = (python: string): Started => {
  const script = fileURLToPath(new URL("./session.py", import.meta.url))
  const env = { ...process.env, OMP_NUM_THREADS: "1" }
  const child = spawn(python, [script], { stdio: ["pipe", "pipe", "inherit"], env })
  return { child, answers: createInterface({ input: child.stdout! })[Symbol.asyncIterator]() }
}

/** Runs scripts as `python SCRIPT …` does, one after another, in forks of one process that has imported PyTorch; it starts with the first. */
export class PythonSession {
  private readonly python: string | undefined
  private readonly folder = mkdtempSync(join(tmpdir(), "hasam-python-"))
  private process: Started | undefined
  private last: Promise<unknown> = Promise.resolve()
  private calls = 0

  constructor(python: string | undefined) {
    this.python = python
  }
  run(argv: readonly string[], { cwd = tmpdir(), env = process.env }: PythonCall = {}): Promise<PythonRan> {
    const call = async (): Promise<PythonRan> => {
      this.calls += 1
      const [out, talk] = ["out", "talk"].map((name) => join(this.folder, `${this.calls}.${name}`)) as [string, string]
      this.process ??= started(this.python!)
      this.process.child.stdin!.write(`${JSON.stringify({ argv, cwd, env, out, talk })}\n`)
      const { value, done } = await this.process.answers.next()
      if (done) throw new Error(`the Python process ended: ${argv.join(" ")}`)
      return { status: Number(value), out: readFileSync(out, "utf8"), talk: readFileSync(talk, "utf8") }
    }
    const answer = this.last.then(call)
    this.last = answer.catch(() => {})
    return answer
  }
  /** What it wrote; throws where it fails. */
  async said(argv: readonly string[], call: PythonCall = {}): Promise<string> {
    const { status, out, talk } = await this.run(argv, call)
    if (status !== 0) throw new Error(`python ${argv.join(" ")}: exit code ${status}\n${talk}`)
    return out
  }
  end(): void {
    this.process?.child.stdin?.end()
    rmSync(this.folder, { recursive: true, force: true })
  }
}
