/**
 * Which test file begins when: files that have a process each before those that share one, and of these the longest first, so that both workers
 * end together; on a new clone vitest knows no times. HASAM_ORDER=7 (any word) is another order within each project: files that share a process
 * leave nothing behind for the next.
 */
import { createHash } from "node:crypto"
import { relative } from "node:path"
import { BaseSequencer, type TestSpecification } from "vitest/node"

/** Those that take longest, in their order. */
const long = [
  "site/site",
  "backends/tfjs/webgpu",
  "backends/tfjs/ops",
  "backends/tfjs/widths",
  "ops/engines",
  "backends/tfjs/browser",
  "package/install",
  "backends/tfjs/sam",
  "pages/train",
  "pages/segment",
  "report/axe",
  "pages/whole",
  "backends/xla/ops",
  "backends/xla/engine",
  "backends/xla/sam",
  "backends/xla/resume",
  "training/resume",
  "invalid/HS27",
  "invalid/HS104",
  "training/command",
  "systems/small",
  "invalid/HS4001",
  "training/autoLr",
  "study/study",
  "segment/segment",
  "run/small-sam",
  "invalid/specs",
  "systems/upstream",
  "segment/kinds",
  "models/specs",
  "invalid/HS53",
  "runtime/api",
  "data/known",
  "systems/whole",
  "backends/onnx/engine",
  "cli/cli",
  "backends/onnx/memory",
  "backends/pytorch/train",
  "weights/fuzz",
]
const projects = ["own", "plugin", "shared"]
const asked = process.env["HASAM_ORDER"]

export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const nameOf = ({ moduleId }: TestSpecification) => relative(`${this.ctx.config.root}/test`, moduleId)
    const keyOf = (file: TestSpecification): string => {
      const name = nameOf(file)
      if (asked !== undefined) return createHash("sha256").update(`${asked} ${name}`).digest("hex")
      const place = long.indexOf(name.replace(/\.test\.ts$/, ""))
      return `${String(place < 0 ? long.length : place).padStart(3, "0")} ${name}`
    }
    const keyed = files.map((file) => ({ file, project: projects.indexOf(file.project.name), key: keyOf(file) }))
    return keyed.toSorted((a, b) => a.project - b.project || (a.key < b.key ? -1 : 1)).map(({ file }) => file)
  }
}
