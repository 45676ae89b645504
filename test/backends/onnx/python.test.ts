/** docs/onnx.md's program in Python gives the mask that hasam segment gives. */
import { execFileSync } from "node:child_process"
import { mkdtempSync, readFileSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { expect, test } from "vitest"
import { packageRoot } from "../../../src/compiler/frontend/package.ts"
import { readImage, readLabels } from "../../../src/runtime/data/image.ts"
import { pngBytes } from "../../../src/runtime/data/images/pngWrite.ts"
import { writePhantoms } from "../../../src/runtime/data/phantoms/index.ts"
import { ran } from "../../cli/session.ts"

const python = [process.env["HASAM_PYTHON"], "python3"].find((path) => {
  try {
    if (path !== undefined) execFileSync(path, ["-c", "import numpy, onnxruntime, PIL"], { stdio: "ignore" })
    return path !== undefined
  } catch {
    return false
  }
})
if (python === undefined)
  console.warn("skipped: no Python with onnxruntime, numpy and pillow; name one in HASAM_PYTHON")

test.skipIf(python === undefined)("the program of docs/onnx.md, as it stands", async () => {
  const folder = mkdtempSync(join(tmpdir(), "hasam-onnx-python-"))
  const done = (...args: readonly string[]) => {
    const { status, talk } = ran({ args, cwd: folder, env: process.env })
    expect(status, talk).toBe(0)
  }
  await writePhantoms(join(folder, "data"), { n: 1, size: 96, seed: 3 })
  // A rectangle: the file pads it.
  const { width, height, data } = await readImage(join(folder, "data/images/0000.png"))
  const rows = 70
  const grey = Uint8Array.from({ length: width * rows }, (_, i) => data[i]!)
  expect(height).toBeGreaterThan(rows)
  writeFileSync(join(folder, "image.png"), pngBytes({ width, height: rows }, grey))
  writeFileSync(
    join(folder, "tiny.ts"),
    `import { sam } from "hasam"
export const model = sam({ imageSize: 64, patchSize: 8, width: 16, depth: 1, heads: 2, globalBlocks: [0], outChannels: 16, maskChannels: 4,
  decoder: { depth: 1, heads: 2, mlpWidth: 16, iouWidth: 8, iouDepth: 2, maskTokens: 2 } })
`,
  )
  done("weights", "init", "tiny.ts", "plain.safetensors")
  done("weights", "convert", "plain.safetensors", "weights.safetensors", "--licence", "CC-BY-4.0")
  const weights = ["--weights", "weights.safetensors"]
  done("compile", "tiny.ts", "--target", "onnx", ...weights, "--out", "build")
  const [, code] = /```python\n([\s\S]*?)```/.exec(readFileSync(join(packageRoot, "docs/onnx.md"), "utf8"))!
  writeFileSync(join(folder, "segment.py"), code!)
  const asked = ["48,36", "20,10,70,60", "30,31"]
  const said = execFileSync(python!, ["segment.py", "build/model.onnx", "image.png", ...asked], { cwd: folder })
  expect(said.toString()).toContain("CC-BY-4.0")
  // Objects of points come first.
  const flags = [
    ["--point", "48,36"],
    ["--point", "30,31"],
    ["--box", "20,10,70,60"],
  ]
  for (const [i, flag] of flags.entries()) {
    done("segment", "tiny.ts", "image.png", ...weights, ...flag, "--out", `masks-${i + 1}`)
    const paths = [`masks-${i + 1}/masks/image.png`, `mask-${i + 1}.png`]
    const [ours, theirs] = await Promise.all(paths.map((path) => readLabels(join(folder, path))))
    expect(new Set(ours!.values).size).toBe(2)
    expect(theirs!.values).toEqual(ours!.values)
  }
})
