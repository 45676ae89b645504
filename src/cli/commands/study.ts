import { spawn } from "node:child_process"
import { appendFileSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { failed } from "../../compiler/diagnostic.ts"
import { counted } from "../../compiler/report/units.ts"
import { makeFolder, writeAtomically } from "../../runtime/files.ts"
import type { SignificanceTest } from "../../runtime/metrics/comparison.ts"
import { isDone, runJob } from "../../runtime/study/job.ts"
import { type OpenStudy, openStudy, prepareFolder, type StudySettings } from "../../runtime/study/open.ts"
import { type Job, jobsOf } from "../../runtime/study/plan.ts"
import { commandLine, slurmScripts } from "../../runtime/study/slurm.ts"
import type { Format } from "../../runtime/study/tables.ts"
import { interruption } from "../interruption.ts"
import { exit, say, talk, talkDiagnostics, tell } from "../output.ts"
import { demandTrainer, targetNamed } from "../targets/index.ts"
import { trainingShower } from "./train.ts"

interface StudyFlags extends StudySettings {
  readonly target: string
  readonly jobs: number
  readonly job?: string
  readonly list?: boolean
  readonly slurm?: boolean
  readonly test?: SignificanceTest
  readonly format: Format
}

/** What a job's command line has not: those of the whole study. */
const whole: Readonly<Record<string, boolean>> = {
  "--jobs": true,
  "--job": true,
  "--list": false,
  "--slurm": false,
  "--format": true,
  "--test": true,
}

/** The given arguments without the options that are the whole study's. */
export const jobArguments = (given: readonly string[]): readonly string[] => {
  const kept: string[] = []
  for (let i = 0; i < given.length; i++) {
    const name = given[i]!.split("=")[0]!
    const valued = whole[name]
    if (valued === undefined) kept.push(given[i]!)
    else if (valued && !given[i]!.includes("=")) i++
  }
  return kept
}

const inThisProcess = async (
  opened: OpenStudy,
  jobs: readonly Job[],
  target: string,
  signal: AbortSignal,
): Promise<boolean> => {
  const trainer = await targetNamed(target).trainer?.()
  for (const [i, job] of jobs.entries()) {
    if (signal.aborted) return false
    talk(`${job.id} (${i + 1} of ${jobs.length})`)
    const { on, stop } = trainingShower()
    try {
      if (!(await runJob(opened, job, { on, signal, trainer }))) return false
    } finally {
      stop()
    }
  }
  return true
}

/** One job in a process of its own; what it says goes to a log. */
const inOwnProcess = (job: Job, args: readonly string[], log: string, signal: AbortSignal): Promise<number> =>
  new Promise((resolve) => {
    const child = spawn(process.execPath, [process.argv[1]!, "study", ...args, "--job", job.id], {
      stdio: ["ignore", "ignore", "pipe"],
    })
    child.stderr.on("data", (text: Buffer) => appendFileSync(log, text))
    const stop = () => child.kill("SIGTERM")
    signal.addEventListener("abort", stop, { once: true })
    child.on("error", () => resolve(exit.usage))
    child.on("close", (code) => {
      signal.removeEventListener("abort", stop)
      resolve(code ?? exit.interrupted)
    })
  })

/** Throws HS5342. */
const inProcesses = async (
  opened: OpenStudy,
  jobs: readonly Job[],
  { args, at, signal }: { readonly args: readonly string[]; readonly at: number; readonly signal: AbortSignal },
): Promise<boolean> => {
  const logs = join(opened.settings.out, "logs")
  await makeFolder(logs)
  let [next, done] = [0, 0]
  let broken: Job | undefined
  const work = async (): Promise<void> => {
    while (next < jobs.length && broken === undefined && !signal.aborted) {
      const job = jobs[next++]!
      const code = await inOwnProcess(job, args, join(logs, `${job.id}.txt`), signal)
      if (code === exit.fine) talk(`${job.id} (${++done} of ${jobs.length})`)
      else if (!signal.aborted) broken = job
    }
  }
  await Promise.all(Array.from({ length: Math.min(at, jobs.length) }, work))
  if (broken === undefined) return !signal.aborted
  const log = join(logs, `${broken.id}.txt`)
  const lines = readFileSync(log, "utf8").trim().split("\n")
  const said = lines.findLast((line) => /error HS\d{4}|^hasam: /.test(line)) ?? lines.at(-1) ?? ""
  throw failed(
    log,
    "HS5342",
    `the job ${broken.id} failed: ${said}`,
    "Read its log, and start the same command again: what is done stays.",
  )
}

/** hasam study SPEC --data DIR --out FOLDER. `given`: the command line behind `study`, from which those of jobs are made. */
export const studyCommand = async (spec: string, flags: StudyFlags, given: readonly string[]): Promise<void> => {
  demandTrainer(flags.target)
  const found = await openStudy(spec, flags)
  const opened = flags.test === undefined ? found : { ...found, study: { ...found.study, test: flags.test } }
  const all = jobsOf(opened.study)
  const args = jobArguments(given)
  if (flags.list) return say(all.map(({ id }) => commandLine(["hasam", "study", ...args, "--job", id])).join("\n"))
  if (flags.slurm) {
    for (const [file, script] of slurmScripts(all, ["hasam", "study", ...args])) {
      await writeAtomically(join(flags.out, file), script)
      say(join(flags.out, file))
    }
    return
  }
  const only = flags.job === undefined ? all : all.filter(({ id }) => id === flags.job)
  if (only.length === 0)
    throw failed("--job", "HS5002", `the study has no job '${flags.job}'`, "See them with hasam study … --list.")
  if (flags.job === undefined) talkDiagnostics(opened.warnings)
  await prepareFolder(opened)
  const left: Job[] = []
  for (const job of only) if (!(await isDone(opened, job))) left.push(job)
  if (flags.job === undefined) {
    const { study, cases, splitBy } = opened
    talk(
      `${opened.name}: ${counted(study.arms.length, "model")}, ${counted(all.length, "job")}, ${all.length - left.length} of them done; ${counted(cases.length, "image")}, split by ${splitBy}`,
    )
  }
  // Until everything of a training is loaded, and between trainings, nothing is lost by ending at once.
  const { signal, listen, done } = interruption("")
  listen()
  try {
    const first = left.filter(({ localizes }) => localizes)
    const then = left.filter(({ localizes }) => !localizes)
    for (const stage of [first, then]) {
      if (stage.length === 0) continue
      const finished =
        flags.jobs > 1 && flags.job === undefined
          ? await inProcesses(opened, stage, { args, at: flags.jobs, signal })
          : await inThisProcess(opened, stage, flags.target, signal)
      if (finished) continue
      talk("stopped; the same command goes on from here")
      process.exitCode = exit.interrupted
      return
    }
  } finally {
    done()
  }
  if (flags.job !== undefined) return
  const { writeOutputs } = await import("../../runtime/study/outputs.ts")
  say((await writeOutputs(opened, flags.format)).trimEnd())
  tell({ kind: "note", line: `tables, runs.csv, boxes and sheet.png are in ${flags.out}` })
}
