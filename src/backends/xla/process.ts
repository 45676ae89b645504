/** The plugin's process, seen from the engine: calls one after another, answers as promises, and what it said when it ended. */
import { spawn } from "node:child_process"
import type { Socket } from "node:net"
import { childArguments } from "./script.ts"
import { Assembler, bytesOf, headerOf } from "./wire.ts"

/** What a call was answered with that it could not do. */
export interface Problem {
  /** plugin: PJRT said it; unsuitable: no plugin, or of another version; fault: the loader's or our own; gone: the process ended. */
  readonly kind: "plugin" | "unsuitable" | "fault" | "gone"
  /** A code of absl::Status. */
  readonly status?: number
  readonly message: string
  readonly memory?: { readonly used: number; readonly peak: number; readonly limit: number }
  /** The last lines that the process wrote. */
  readonly tail: readonly string[]
}
export class ProcessProblem extends Error {
  readonly problem: Problem
  /** Names that are still loaded, where the process lives. */
  readonly kept: readonly string[] | undefined
  constructor(problem: Problem, kept?: readonly string[]) {
    super(problem.message)
    this.problem = problem
    this.kept = kept
  }
}

export interface Answer {
  readonly head: Readonly<Record<string, unknown>>
  readonly parts: readonly Float32Array[]
}
export interface Child {
  call(kind: string, fields: object, parts?: readonly ArrayBufferView[]): Promise<Answer>
  end(): Promise<void>
}

interface Waiting {
  readonly resolve: (answer: Answer) => void
  readonly reject: (problem: Error) => void
}
/** Lines of a plugin's talk that are worth keeping. */
const talk = 40

export const startChild = (env: NodeJS.ProcessEnv): Child => {
  const child = spawn(process.execPath, [...childArguments()], {
    stdio: ["ignore", "ignore", "pipe", "pipe", "pipe"],
    env,
  })
  const [, , errors, to, from] = child.stdio as unknown as [null, null, Socket, Socket, Socket]
  const waiting: Waiting[] = []
  const tail: string[] = []
  let gone: Problem | undefined
  let disposed = false

  const hold = (busy: boolean): void => {
    // A program that is waiting for nothing does not keep the process alive.
    for (const one of [child, errors, to, from])
      if (busy) one.ref()
      else one.unref()
  }
  const settle = (): Waiting | undefined => {
    const call = waiting.shift()
    if (waiting.length === 0) hold(false)
    return call
  }
  const lose = (problem: Problem): void => {
    gone ??= problem
    while (waiting.length > 0) settle()!.reject(new ProcessProblem(gone))
  }
  const assembler = new Assembler(({ head, parts }) => {
    const call = settle()
    const problem = head["problem"] as Omit<Problem, "tail"> | undefined
    if (problem === undefined)
      call?.resolve({ head, parts: parts.map(({ buffer }) => new Float32Array(buffer as ArrayBuffer)) })
    else call?.reject(new ProcessProblem({ ...problem, tail: [...tail] }, head["kept"] as readonly string[]))
  })
  from.on("data", (chunk: Buffer) => assembler.take(chunk))
  let line = ""
  errors.on("data", (chunk: Buffer) => {
    const lines = `${line}${chunk}`.split("\n")
    line = lines.pop()!.slice(-2000)
    tail.push(...lines.filter((text) => text.trim() !== ""))
    tail.splice(0, tail.length - talk)
  })
  // What it could not be sent, its end explains.
  for (const one of [to, from, errors]) one.on("error", () => {})
  child.on("error", ({ message }) => lose({ kind: "fault", message, tail: [] }))
  child.on("close", (code, signal) => {
    if (line !== "") tail.push(line)
    const how = signal === null ? `with exit code ${code}` : `by ${signal}`
    lose({ kind: "gone", message: disposed ? "it was disposed of" : `it ended ${how}`, tail: [...tail] })
  })
  hold(false)
  return {
    call: (kind, fields, parts = []) =>
      new Promise((resolve, reject) => {
        if (gone !== undefined) return reject(new ProcessProblem(gone))
        waiting.push({ resolve, reject })
        hold(true)
        to.write(headerOf({ kind, ...fields }, parts))
        for (const part of parts) to.write(bytesOf(part))
      }),
    end: () =>
      new Promise((resolve) => {
        disposed = true
        if (gone !== undefined) return resolve()
        child.once("close", () => resolve())
        child.ref()
        child.kill("SIGKILL")
      }),
  }
}
