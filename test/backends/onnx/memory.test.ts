import { execFile } from "node:child_process"
import { mkdtemp, rm } from "node:fs/promises"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import { build } from "esbuild"
import { afterAll, beforeAll, describe, expect, test } from "vitest"

const root = fileURLToPath(new URL("../../..", import.meta.url))
const linux = process.platform === "linux"
if (!linux) console.log("skipped: the largest resident set is read from /proc, which only Linux has")

/** bench/memory.js from sources, in a process of its own, whose memory is measured. */
describe.skipIf(!linux)("predicted memory of the CPU engine is what a process needs, to 15 %", () => {
  let folder: string
  let bench: string
  beforeAll(async () => {
    folder = await mkdtemp(join(root, "node_modules/.memory-"))
    bench = join(folder, "memory.mjs")
    await build({
      entryPoints: [join(root, "bench/memory.js")],
      outfile: bench,
      bundle: true,
      platform: "node",
      format: "esm",
      external: ["onnxruntime-node", "onnxruntime-web"],
      logLevel: "error",
      plugins: [
        {
          name: "sources instead of dist",
          setup: ({ onResolve }) =>
            onResolve({ filter: /\/dist\// }, ({ path }) => ({
              path: join(root, "src", path.split("/dist/")[1]!.replace(/\.js$/, ".ts")),
            })),
        },
      ],
    })
  })
  afterAll(() => rm(folder, { recursive: true, force: true }))

  test.each([
    ["to segment", ["inference", "1024", "--width", "192", "--depth", "3"]],
    ["to train", ["training", "1024", "--width", "64", "--depth", "3"]],
    ["to train, with blocks recomputed", ["training", "1024", "--width", "64", "--depth", "3", "--budget", "130"]],
  ])("%s", async (_, args) => {
    const measure = async () =>
      JSON.parse((await promisify(execFile)(process.execPath, ["--expose-gc", bench, ...args])).stdout)
    const { predicted, measured, recomputed } = await measure()
    expect(recomputed > 0).toBe(args.includes("--budget"))
    const off = (bytes: number): number => Math.abs(predicted / bytes - 1)
    // On a busy machine V8 collects its garbage late, which comes on top: what a process needs is the less of two.
    const needed = off(measured) < 0.15 ? measured : Math.min(measured, (await measure()).measured)
    expect(off(needed)).toBeLessThan(0.15)
  })
})
