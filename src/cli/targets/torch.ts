/** hasam train --target pytorch: the package trains, with its progress shown, and what it learned comes home to the run's folder. */

import { spawn, spawnSync } from "node:child_process"
import { copyFile, readFile, rename } from "node:fs/promises"
import { join } from "node:path"
import { pytorchPackage } from "../../backends/pytorch/index.ts"
import { version } from "../../compiler/compile.ts"
import { failed } from "../../compiler/diagnostic.ts"
import { counted } from "../../compiler/report/units.ts"
import { makeFolder, writeAtomically } from "../../runtime/files.ts"
import { exists, files } from "../../runtime/training/checkpoint.ts"
import type { PackageRun } from "../../runtime/training/elsewhere.ts"
import { talk } from "../output.ts"

/** Below the run's folder: the package, and the run as the package writes it. */
const packageFolder = "package"
export const innerFolder = "pytorch"

const python = (): string => process.env["HASAM_PYTHON"] || "python3"

/** PyTorch's version. Throws HS2702. */
const demandTorch = (): string => {
  const code = "import torch, numpy, PIL; print(torch.__version__)"
  const { status, stdout, stderr, error } = spawnSync(python(), ["-c", code], { encoding: "utf8" })
  if (status === 0) return stdout.trim()
  const said = error?.message ?? stderr.trim().split("\n").at(-1)
  throw failed(
    python(),
    "HS2702",
    `this Python cannot train: ${said}`,
    "pip install torch numpy pillow, or name another Python: HASAM_PYTHON=/path/to/python",
  )
}

const write = async (folder: string, { model, name, hash, options }: PackageRun): Promise<void> => {
  await makeFolder(folder)
  const texts = pytorchPackage(model, { kind: "training", model, ...options }, { name, version, spec: hash })
  for (const [file, text] of Object.entries(texts)) {
    const path = join(folder, file)
    await writeAtomically(path, text)
  }
}

const argumentsOf = (run: PackageRun): readonly string[] => {
  const { folder, data, weights, points, chosen, options, checkpointEvery, validateEvery, resume, recompute } = run
  const given: Readonly<Record<string, string | number | boolean | undefined>> = {
    "--data": data,
    "--out": join(folder, innerFolder),
    "--split": resume ? undefined : join(folder, files.split),
    "--weights": weights,
    "--points": points,
    "--class": chosen,
    "--precision": options.precision === "bf16" ? "bf16" : undefined,
    "--checkpoint-every": checkpointEvery,
    "--validate-every": validateEvery,
    "--resume": resume,
    "--recompute": recompute,
  }
  return Object.entries(given).flatMap(([name, value]) =>
    value === undefined || value === false ? [] : value === true ? [name] : [name, String(value)],
  )
}

/**
 * torchrun of PyTorch 1 does not start under Python 3.11, where it misreads its own default of what goes to files (Debian 12 has both). Told of a process that is
 * not there, it reads no default.
 */
const environmentOf = (version: string): NodeJS.ProcessEnv =>
  version.startsWith("1.") ? { PET_REDIRECTS: "9:1", PET_TEE: "9:1", ...process.env } : process.env

/** A file as a whole, or as it was. */
const bring = async (from: string, to: string): Promise<void> => {
  await copyFile(from, `${to}.${process.pid}`)
  await rename(`${to}.${process.pid}`, to)
}

/**
 * Ends when the package's run does; signals are passed on, so that it stops after its step, with a checkpoint.
 * Errors: HS2701, HS2702 no PyTorch, HS2703 the package ended with an error.
 */
export const trainInPackage = async (run: PackageRun): Promise<{ readonly finished: boolean }> => {
  const torch = demandTorch()
  const folder = join(run.folder, packageFolder)
  await write(folder, run)
  const launcher =
    run.processes === undefined
      ? []
      : ["-m", "torch.distributed.run", "--standalone", "--nproc_per_node", String(run.processes)]
  // A group of its own: a terminal's Ctrl-C reaches it once, from here.
  const child = spawn(python(), [...launcher, "train.py", ...argumentsOf(run)], {
    cwd: folder,
    stdio: ["ignore", 2, 2],
    env: environmentOf(torch),
    detached: true,
  })
  const stop = () => void child.kill("SIGTERM")
  run.signal.addEventListener("abort", stop)
  const how = await new Promise<string | undefined>((resolve, reject) => {
    child.on("error", reject)
    child.on("close", (code, signal) =>
      resolve(code === 0 ? undefined : signal === null ? `exit code ${code}` : signal),
    )
  }).finally(() => run.signal.removeEventListener("abort", stop))
  const inner = join(run.folder, innerFolder)
  for (const file of [files.best, files.log])
    if (await exists(join(inner, file))) await bring(join(inner, file), join(run.folder, file))
  if (run.signal.aborted) return { finished: false }
  if (how !== undefined)
    throw failed(
      folder,
      "HS2703",
      `the package's training ended with ${how}`,
      `What it said stands above. In ${folder}: ${python()} train.py --help`,
    )
  const lines = (await readFile(join(run.folder, files.log), "utf8").catch(() => "")).trim().split("\n").length
  talk(`done: ${counted(lines, "epoch")} in PyTorch; ${join(run.folder, files.best)}`)
  return { finished: true }
}
