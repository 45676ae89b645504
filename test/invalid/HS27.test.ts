/** HS2702, HS2703. hasam train --target pytorch: the package trains, and what it learned is a run like others. */
import { spawn } from "node:child_process"
import { existsSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { beforeAll, describe, expect, test } from "vitest"
import { packageRoot } from "../../src/compiler/frontend/package.ts"
import { writePhantoms } from "../../src/runtime/data/phantoms/index.ts"
import { ran } from "../cli/session.ts"
import { pythonWith } from "../python/index.ts"

const python = pythonWith("torch", "numpy", "PIL")
const folder = mkdtempSync(join(tmpdir(), "hasam-package-"))
const program = join(packageRoot, "bin/hasam.js")
const env = { ...process.env, ...(python === undefined ? {} : { HASAM_PYTHON: python }) }
const hasam = (args: readonly string[], more: NodeJS.ProcessEnv = {}) => {
  const { status, out, talk } = ran({ args, cwd: folder, env: { ...env, ...more } })
  return { status, out, text: talk }
}
const train = ["train", "tiny.ts", "--data", "data", "--target", "pytorch"]

beforeAll(async () => {
  writeFileSync(
    join(folder, "tiny.ts"),
    `import { adam, freezeAll, pipe, sam, training, unfreeze } from "hasam"
export const model = pipe(sam({ imageSize: 32, patchSize: 8, width: 16, depth: 1, heads: 2, globalBlocks: [0], outChannels: 16, maskChannels: 4,
  decoder: { depth: 1, heads: 2, mlpWidth: 16, iouWidth: 8, iouDepth: 2, maskTokens: 2 } }), freezeAll, unfreeze("maskDecoder"))
export const how = training(model, { optimizer: adam({ rate: 1e-3 }), epochs: 2, batch: 2 })
`,
  )
  await writePhantoms(join(folder, "data"), { n: 20, size: 48, seed: 1, perSubject: 1 })
})

test("HS2702: a Python without PyTorch, or none", () => {
  const { status, text } = hasam([...train, "--out", "none"], { HASAM_PYTHON: join(folder, "no-python") })
  expect(status).toBe(1)
  expect(text).toContain("HS2702: this Python cannot train: ")
  expect(text).not.toMatch(/^ +at /m)
  const bare = hasam([...train, "--out", "none"], { HASAM_PYTHON: script("bare", "echo \"ModuleNotFoundError: No module named 'torch'\" >&2; exit 1") })
  expect(bare.status).toBe(1)
  expect(bare.text).toContain("HS2702: this Python cannot train: ModuleNotFoundError: No module named 'torch'")
  expect(bare.text).toContain("pip install torch numpy pillow")
})
test("HS5002: processes are torchrun's", () => {
  expect(hasam(["train", "tiny.ts", "--data", "data", "--out", "x", "--torchrun", "2"]).text).toContain(
    "--torchrun does nothing without --target pytorch",
  )
})
test("HS5002: what the package's reader would not follow is refused", () => {
  for (const option of [["--window", "0,4095"], ["--palette", "#000000,#ff0000"], ["--inverted"]]) {
    const { status, text } = hasam([...train, "--out", "x", ...option])
    expect(status).toBe(2)
    expect(text).toContain(`${option[0]} does not go with --target pytorch`)
  }
})

describe.skipIf(python === undefined)("with PyTorch", () => {
  test("a run that eval reads, and that no other run overwrites", () => {
    const trained = hasam([...train, "--out", "run"])
    expect(trained.text).toContain("done: 2 epochs in PyTorch")
    expect(trained.status).toBe(0)
    const evaluated = hasam(["eval", "run", "--json"])
    expect(evaluated.status).toBe(0)
    expect(JSON.parse(evaluated.out).cases).toHaveLength(3)
    const [ours, theirs] = ["run/best.safetensors", "run/pytorch/best.safetensors"].map((name) =>
      readFileSync(join(folder, name)),
    )
    expect(ours!.equals(theirs!)).toBe(true)
    expect(hasam([...train, "--out", "run"]).text).toContain("HS5303")
  })
  test("HS2703: the package's own errors are told, and the run's folder says where", () => {
    writeFileSync(join(folder, "no.safetensors"), "nothing")
    const { status, text } = hasam([...train, "--out", "failed", "--epochs", "1", "--resume"])
    expect(status).toBe(1)
    expect(text).toContain("HS5304")
    const broken = hasam([...train, "--out", "broken", "--epochs", "1"], { HASAM_PYTHON: failing() })
    expect(broken.status).toBe(1)
    expect(broken.text).toContain("HS2703: the package's training ended with exit code 3")
  })
  test("Ctrl-C stops two processes of torchrun after their step; --resume goes on and ends", { timeout: 400_000 }, async () => {
    const two = [...train, "--out", "cut", "--epochs", "6", "--torchrun", "2", "--batch", "1"]
    // A process group of its own, to which the Ctrl-C goes as a terminal sends it.
    const child = spawn(process.execPath, [program, ...two], { cwd: folder, env, detached: true, stdio: ["ignore", "ignore", "pipe"] })
    let said = ""
    child.stderr.on("data", (chunk: Buffer) => {
      said += chunk
    })
    const closed = new Promise((resolve) => child.once("close", resolve))
    const log = join(folder, "cut/pytorch/log.jsonl")
    while (!existsSync(log) && child.exitCode === null) await new Promise((resolve) => setTimeout(resolve, 20))
    expect(child.exitCode, said).toBe(null)
    process.kill(-child.pid!, "SIGINT")
    expect(await closed, said).toBe(130)
    expect(said).toContain("14 images train, 3 validate; 2 × cpu, float32")
    expect(existsSync(join(folder, "cut/pytorch/last.safetensors"))).toBe(true)
    const lines = () => readFileSync(join(folder, "cut/log.jsonl"), "utf8").trim().split("\n").length
    expect(lines()).toBeLessThan(6)
    const resumed = hasam([...two, "--resume"])
    expect(resumed.status, resumed.text).toBe(0)
    expect(lines()).toBe(6)
    expect(existsSync(join(folder, "cut/best.safetensors"))).toBe(true)
  })
})

/** A program that stands in for Python. */
const script = (name: string, text: string): string => {
  const path = join(folder, name)
  writeFileSync(path, `#!/bin/sh\n${text}\n`, { mode: 0o755 })
  return path
}
/** A Python that has PyTorch, and cannot run the package. */
const failing = (): string => script("failing-python", '[ "$1" = -c ] || exit 3')
