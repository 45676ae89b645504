/**
 * `hasam train --target xla`, broken in the middle of its steps: killed, interrupted, its device lost. Gone on with, it ends with the bytes
 * of a run that nothing broke. Where it breaks is no matter of time: the plugin itself breaks it (faulty.c).
 */
import { spawnSync } from "node:child_process"
import { existsSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { beforeAll, describe, expect, test } from "vitest"
import { packageRoot } from "../../../src/compiler/frontend/package.ts"
import { writePhantoms } from "../../../src/runtime/data/phantoms/index.ts"
import { faulty } from "./faulty.ts"
import { absent, pluginPath, quick } from "./plugin.ts"

const folder = mkdtempSync(join(tmpdir(), "hasam-broken-"))
const net = `import { adam, conv2d, dropout, masks, model, pixels, relu, sequential, training } from "hasam"
export const net = model(sequential(conv2d(3, 4, 3, { padding: 1 }), relu, dropout(0.2), conv2d(4, 1, 3, { padding: 1 })), { name: "net", takes: { image: pixels({ size: 32 }) }, teaches: { masks: masks() } })
export const how = training(net, { optimizer: adam({ rate: 1e-2 }), epochs: 3, batch: 2, accumulate: 2, augmentation: { flip: true, rotation: 8, scale: 0.1, gain: 0.1 } })
`
const program = join(packageRoot, "bin/hasam.js")
const train = (out: string, target: string, more: readonly string[] = [], fault?: string) => {
  const env = {
    ...quick,
    HASAM_CACHE: join(folder, "cache"),
    HASAM_PJRT_PLUGIN: faulty,
    FAULTY_REAL: pluginPath,
    ...(fault === undefined ? {} : { FAULTY: fault }),
  }
  const args = [
    "train",
    "net.ts",
    "--data",
    "data",
    "--out",
    out,
    "--target",
    target,
    "--checkpoint-every",
    "1",
    ...more,
  ]
  // A process group of its own, which a Ctrl-C goes to.
  const options = { cwd: folder, encoding: "utf8", env, detached: true } as const
  const { status, signal, stderr } = spawnSync(process.execPath, [program, ...args], options)
  expect(stderr).not.toMatch(/^ +at /m)
  return { status, signal, text: stderr }
}
const bytes = (run: string) =>
  ["last.safetensors", "best.safetensors", "log.jsonl"].map((name) => readFileSync(join(folder, run, name), "base64"))
const log = (run: string) =>
  readFileSync(join(folder, run, "log.jsonl"), "utf8")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as { readonly loss: number; readonly validation: number })

describe.skipIf(absent !== undefined || faulty === undefined)("a training through a PJRT plugin", () => {
  beforeAll(async () => {
    writeFileSync(join(folder, "net.ts"), net)
    await writePhantoms(join(folder, "data"), { n: 20, size: 48, seed: 1, perSubject: 1 })
    expect(train("whole", "xla")).toMatchObject({ status: 0, signal: null })
  })

  test("has the CPU engine's losses", () => {
    expect(train("cpu", "cpu").status).toBe(0)
    const [ours, theirs] = [log("whole"), log("cpu")]
    expect(ours).toHaveLength(3)
    ours.forEach(({ loss }, i) => expect(Math.abs(loss / theirs[i]!.loss - 1)).toBeLessThan(1e-6))
  })

  test("killed, interrupted, and with its device lost, each in the middle of a step, it ends with the same bytes", () => {
    // 14 images in batches of 2, two batches to a step: the fifth batch is in the third step, after the second's checkpoint.
    expect(train("broken", "xla", [], "execute:5:parent").signal).toBe("SIGKILL")
    const interrupted = train("broken", "xla", ["--resume"], "execute:3:interrupt")
    expect(interrupted).toMatchObject({ status: 130, signal: null })
    expect(interrupted.text).toContain("go on with --resume")
    const lost = train(
      "broken",
      "xla",
      ["--resume"],
      "execute:2:13=CUDA_ERROR_ILLEGAL_ADDRESS: an illegal memory access",
    )
    expect(lost).toMatchObject({ status: 1, signal: null })
    expect(lost.text).toContain("HS2807: the device failed: CUDA_ERROR_ILLEGAL_ADDRESS")
    const gone = train("broken", "xla", ["--resume"], "execute:3:segv")
    expect(gone).toMatchObject({ status: 1, signal: null })
    expect(gone.text).toContain("HS2807: the plugin's process was lost: it ended by SIGSEGV")
    // Less than an epoch is done, all that there is is what each end left.
    expect(existsSync(join(folder, "broken/best.safetensors"))).toBe(false)
    expect(train("broken", "xla", ["--resume"])).toMatchObject({ status: 0, signal: null })
    expect(bytes("broken")).toEqual(bytes("whole"))
  })
})
