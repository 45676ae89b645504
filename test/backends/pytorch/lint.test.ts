/** The Python of packages, written and generated, is formatted, linted and typed. */
import { spawnSync } from "node:child_process"
import { mkdtemp } from "node:fs/promises"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { beforeAll, describe, expect, it } from "vitest"
import { millions } from "../../../examples/ha-sam/index.ts"
import { pytorchPackage } from "../../../src/backends/pytorch/index.ts"
import { adapted, odd } from "../../run/models.ts"
import { names, partlyFrozen, points, shiftedWindows, tied, unet } from "./models.ts"
import { config, mypy, ruff, writePackage } from "./tools.ts"

const models = {
  millions,
  odd,
  lora: adapted.lora,
  besideMlp: adapted.besideMlp,
  unet,
  partlyFrozen,
  points,
  names,
  tied,
  shiftedWindows,
}

describe.skipIf(ruff === undefined && mypy === undefined)("packages", () => {
  let root = ""
  const check = (name: string, command: string, ...args: readonly string[]) => {
    const { status, stdout, stderr } = spawnSync(command, args, { encoding: "utf8", cwd: join(root, name) })
    expect(status === 0 ? "" : stdout + stderr).toBe("")
  }

  beforeAll(async () => {
    root = await mkdtemp(join(tmpdir(), "hasam-lint-"))
    for (const [name, { data }] of Object.entries(models)) await writePackage(join(root, name), pytorchPackage(data))
  })

  it.skipIf(ruff === undefined)("what is written by hand is formatted", () => {
    check("", ruff!, "format", "--check", "--config", config, dirname(config))
  })
  it.skipIf(ruff === undefined).each(Object.keys(models))("ruff finds nothing in %s", (name) => {
    check(name, ruff!, "check", "--no-cache", "--config", config, ".")
  })
  // With what is generated for one model of each kind: modules of one name cannot be typed together.
  it.skipIf(mypy === undefined).each(["millions", "unet", "points", "names", "shiftedWindows"])(
    "%s is typed",
    (name) => {
      check(name, mypy!, "--config-file", config, "--cache-dir", join(root, "cache"), ".")
    },
  )
})
