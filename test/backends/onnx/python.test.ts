/** docs/onnx.md's program in Python gives the mask that hasam segment gives. */
import { execFileSync } from "node:child_process"
import { mkdtempSync, readFileSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { expect, test } from "vitest"
import { packageRoot } from "../../../src/compiler/frontend/package.ts"
import { readLabels } from "../../../src/runtime/data/image.ts"
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
  writeFileSync(
    join(folder, "tiny.ts"),
    `import { sam } from "hasam"
export const model = sam({ imageSize: 64, patchSize: 8, width: 16, depth: 1, heads: 2, globalBlocks: [0], outChannels: 16, maskChannels: 4,
  decoder: { depth: 1, heads: 2, mlpWidth: 16, iouWidth: 8, iouDepth: 2, maskTokens: 2 } })
`,
  )
  done("compile", "tiny.ts", "--target", "onnx", "--out", "build")
  done("segment", "tiny.ts", "data/images/0000.png", "--point", "48,36", "--out", "masks")
  const [, code] = /```python\n([\s\S]*?)```/.exec(readFileSync(join(packageRoot, "docs/onnx.md"), "utf8"))!
  writeFileSync(join(folder, "segment.py"), code!)
  execFileSync(python!, ["segment.py", "build/model.onnx", "data/images/0000.png", "48", "36"], { cwd: folder })
  const [ours, theirs] = await Promise.all(
    ["masks/masks/0000.png", "mask.png"].map((path) => readLabels(join(folder, path))),
  )
  expect(new Set(ours!.values).size).toBe(2)
  expect(theirs!.values).toEqual(ours!.values)
})
