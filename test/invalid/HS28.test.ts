/** XLA's plugins: HS2801 to HS2807. Faults of real plugins where one is installed; what only a GPU can say, as it would say it. */
import { spawnSync } from "node:child_process"
import { mkdirSync, mkdtempSync, readdirSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { describe, expect, test } from "vitest"
import { cuda, xla } from "../../src/backends/xla/engine.ts"
import { Pjrt, Unsuitable } from "../../src/backends/xla/pjrt/api.ts"
import type { Memory } from "../../src/backends/xla/pjrt/words.ts"
import { findPlugin } from "../../src/backends/xla/plugin.ts"
import { explain, noPlugin } from "../../src/backends/xla/problems.ts"
import type { Failed } from "../../src/compiler/diagnostic.ts"
import { packageRoot } from "../../src/compiler/frontend/package.ts"
import { Builder } from "../../src/compiler/ir/builder.ts"
import { absent, pluginPath, quick } from "../backends/xla/plugin.ts"
import { faulty } from "../backends/xla/faulty.ts"
import { leastSquares, noise, tensor } from "../backends/tfjs/programs.ts"

const program = leastSquares(4, 2, 0.1)
const empty = mkdtempSync(join(tmpdir(), "hasam-plugins-"))
/** No Python, no packages, no folder of hasam's own. */
const bare = { PATH: empty, HOME: empty, HASAM_CACHE: empty }
const place = { target: "cuda", plugin: "/plugins/cuda.so", during: "run" } as const
const said = (message: string, more: object = {}) =>
  explain({ kind: "plugin", status: 13, message, tail: [], ...more }, { ...place, ...more }).message

describe("HS2801: no plugin", () => {
  test("is installed: two lines install one", async () => {
    await expect(cuda({ env: bare }).compile(program)).rejects.toThrow("HS2801: no PJRT plugin for CUDA is in the active")
    const [problem] = await cuda({ env: bare }).compile(program).then(() => [], (error) => error.diagnostics)
    expect(problem.help).toBe(
      'Install it: python3 -m venv ~/.cache/hasam/cuda && ~/.cache/hasam/cuda/bin/pip install "jax-cuda13-plugin[with-cuda]==0.11.2"',
    )
  })
  test("is where a variable says", async () => {
    const env = { ...bare, HASAM_PJRT_PLUGIN: join(empty, "none.so") }
    await expect(xla({ env }).compile(program)).rejects.toThrow(`HS2801: HASAM_PJRT_PLUGIN names ${join(empty, "none.so")}, and there is no such file`)
  })
})

test("HS2802: a file that is no library, and a library that is no plugin", async () => {
  const text = join(empty, "text.so")
  writeFileSync(text, "not a library")
  await expect(xla({ env: { ...process.env, HASAM_PJRT_PLUGIN: text } }).compile(program)).rejects.toThrow(
    /^HS2802: .*text\.so: .*(invalid ELF|too short)/,
  )
  await expect(xla({ env: { ...process.env, HASAM_PJRT_PLUGIN: process.execPath } }).compile(program)).rejects.toThrow(
    /^HS2802: /,
  )
})

test("HS2801: a variable that names nothing, a folder, and a folder that holds a plugin", () => {
  const folder = mkdtempSync(join(tmpdir(), "hasam-plugins-"))
  const saying = (kind: "cuda" | "any", path: string) => {
    const variable = kind === "cuda" ? "HASAM_CUDA_PLUGIN" : "HASAM_PJRT_PLUGIN"
    const found = findPlugin(kind, { [variable]: path })
    expect(found.plugin).toBeUndefined()
    const { diagnostics } = noPlugin("cuda", kind, found)
    return [diagnostics[0].code, diagnostics[0].message, diagnostics[0].help]
  }
  const nothing = join(folder, "nothing.so")
  expect(saying("cuda", nothing)).toEqual(["HS2801", `HASAM_CUDA_PLUGIN names ${nothing}, and there is no such file`, expect.stringContaining("Correct HASAM_CUDA_PLUGIN")])
  expect(saying("any", join(nothing, "below"))[1]).toBe(`HASAM_PJRT_PLUGIN names ${join(nothing, "below")}, and there is no such file`)
  expect(saying("any", folder)[1]).toBe(`HASAM_PJRT_PLUGIN names a folder, ${folder}, with no plugin that hasam knows in it`)
  const packages = join(folder, "lib", "python3.12", "site-packages")
  const plugin = join(packages, "jax_plugins", "xla_cuda13", "xla_cuda_plugin.so")
  mkdirSync(dirname(plugin), { recursive: true })
  writeFileSync(plugin, "")
  for (const named of [folder, packages, dirname(plugin)])
    expect(saying("cuda", named)).toEqual(["HS2801", `HASAM_CUDA_PLUGIN names a folder, ${named}, and not a plugin in it`, `Name the file: HASAM_CUDA_PLUGIN=${plugin}`])
  expect(findPlugin("cuda", { HASAM_CUDA_PLUGIN: plugin }).plugin?.path).toBe(plugin)
})
test.each([
  ["libcudart.so.13", "pip install nvidia-cuda-runtime,"],
  ["libcublasLt.so.13", "pip install nvidia-cublas,"],
  ["libcudnn.so.9", "pip install nvidia-cudnn-cu13,"],
  ["libcufft.so.12", "pip install nvidia-cufft,"],
  ["libcusolver.so.12", "pip install nvidia-cusolver,"],
  ["libcusparse.so.12", "pip install nvidia-cusparse,"],
  ["libcupti.so.13", "pip install nvidia-cuda-cupti,"],
  ["libnvJitLink.so.13", "pip install nvidia-nvjitlink,"],
  ["libnvrtc.so.13", "pip install nvidia-cuda-nvrtc,"],
  ["libnccl.so.2", "pip install nvidia-nccl-cu13,"],
  ["libnvshmem_host.so.3", "pip install nvidia-nvshmem-cu13,"],
  ["libcuda.so.1", "comes with NVIDIA's driver"],
])("HS2802: %s is missing, and who brings it", (library, cure) => {
  for (const kind of ["fault", "plugin"] as const) {
    const message = `${library}: cannot open shared object file: No such file or directory`
    const { diagnostics } = explain({ kind, message, tail: [] }, { ...place, during: "open" }) as Failed
    expect([diagnostics[0].code, diagnostics[0].message]).toEqual(["HS2802", `/plugins/cuda.so: ${message}`])
    expect(diagnostics[0].help).toContain(cure)
  }
})
test("HS2802: another library that is missing is named, and nobody is said to bring it", () => {
  const { diagnostics } = explain({ kind: "fault", message: "libodd.so.1: cannot open shared object file", tail: [] }, { ...place, during: "open" }) as Failed
  expect([diagnostics[0].code, diagnostics[0].help]).toEqual(["HS2802", "Install the plugin again, and koffi: npm install koffi"])
})

test("HS2803: another version of the API, in a table that is too short or too old", () => {
  /** A plugin that tells its size and version, and nothing else. */
  const telling = (size: number, major: number, minor: number): Memory => ({
    address: () => 0n,
    bytes: () => Buffer.alloc(0),
    words: (at) => (at === 4096n ? BigUint64Array.of(BigInt(size)) : BigUint64Array.of(BigInt(major) | (BigInt(minor) << 32n))),
    apiOf: () => 4096n,
    call: () => {
      throw new Error("called")
    },
  })
  for (const [size, major, minor] of [
    [1200, 0, 40],
    [1200, 1, 0],
    [300, 0, 115],
  ] as const)
    expect(() => new Pjrt(telling(size, major, minor), "old.so")).toThrow(Unsuitable)
  expect(() => new Pjrt(telling(1200, 0, 40), "old.so")).toThrow("it speaks PJRT 0.40; from 0.81 on is understood")
  expect(explain({ kind: "unsuitable", message: "it speaks PJRT 0.40", tail: [] }, place).message).toMatch(/^HS2803: \/plugins\/cuda\.so: it speaks/)
})

test("HS2804: no GPU, and an old driver", () => {
  for (const message of [
    "No visible GPU devices.",
    "failed call to cuInit: CUDA_ERROR_NO_DEVICE: no CUDA-capable device is detected",
    "CUDA driver version is insufficient for CUDA runtime version",
  ])
    expect(said(message, { during: "open" })).toMatch(/^HS2804: \/plugins\/cuda\.so: /)
})

test("HS2805: memory, whoever says so, with how much there was", () => {
  const memory = { used: 70 * 2 ** 30, peak: 0, limit: 80 * 2 ** 30 }
  expect(said("RESOURCE_EXHAUSTED: Out of memory while trying to allocate 9 GiB", { status: 8, memory })).toMatch(
    /^HS2805: memory ran out: .*; 70\.0 GiB of 80\.0 GiB were in use$/,
  )
  expect(said("CUDNN_STATUS_ALLOC_FAILED")).toMatch(/^HS2805/)
})

test("HS2806 and HS2807: a program that is refused, a device that fails, a process that ends", () => {
  expect(said("ptxas exited with non-zero error code 1", { during: "compile" })).toMatch(/^HS2806/)
  expect(said("CUDA_ERROR_ILLEGAL_ADDRESS: an illegal memory access was encountered")).toMatch(/^HS2807: the device failed/)
  const ended = { kind: "gone", message: "it ended by SIGSEGV", tail: ["one", "the last words"] } as const
  expect(explain(ended, place).message).toBe(
    "HS2807: the plugin's process was lost: it ended by SIGSEGV, after 'the last words'",
  )
  expect(said("something else")).toMatch(/^internal: cuda: something else/)
})

describe.skipIf(absent !== undefined)("a real plugin", () => {
  test("HS2807: that aborts ends its own process only, and its last words are told", async () => {
    const env = { ...process.env, XLA_FLAGS: "--xla_no_such_flag=1" }
    await expect(xla({ cache: false, env }).compile(program)).rejects.toThrow(/^HS2807: .*(exit code|by SIG).*xla_no_such_flag/)
  })
  test("HS2805: that is asked for 16 TiB", async () => {
    const b = new Builder()
    const graph = b.build({ y: b.exp(b.broadcast(b.input("x", [1, 1]), [2 ** 21, 2 ** 21])) })
    const run = await xla({ cache: false, env: quick }).compile({ graph, state: {} })
    const fed = { x: { shape: [1, 1], data: Float32Array.of(1) } }
    await expect(run.run(fed)).rejects.toThrow("HS2805: memory ran out")
    await run.dispose()
  })
  test("is found where a variable says", async () => {
    const run = await xla({ cache: false, env: { ...quick, HASAM_PJRT_PLUGIN: pluginPath } }).compile(program)
    await run.dispose()
  })
})

test("HS2801: on the command line, without a GPU or plugin: exit code 1, no stack", () => {
  const args = [join(packageRoot, "bin/hasam-compile.js"), join(packageRoot, "examples/ha-sam"), "--target", "cuda"]
  const cwd = mkdtempSync(join(tmpdir(), "hasam-none-"))
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: "utf8", env: bare, cwd })
  expect(stdout).toContain("(peak, predicted for --target cuda, float32)")
  expect(readdirSync(cwd)).toEqual([])
  expect(stderr).toContain("HS2801: no PJRT plugin for CUDA")
  expect(stderr).toContain('pip install "jax-cuda13-plugin[with-cuda]==0.11.2"')
  expect(stderr).not.toMatch(/^ +at /m)
  expect(status).toBe(1)
})

describe.skipIf(faulty === undefined)("a plugin's faults, as its process meets them", () => {
  /** By the plugin alone; with the processor's behind it, where that is needed. */
  const meets = async (fault: NodeJS.ProcessEnv, real = false) => {
    const env = { ...quick, HASAM_PJRT_PLUGIN: faulty, ...(real ? { FAULTY_REAL: pluginPath } : {}), ...fault }
    const run = await xla({ cache: false, env }).compile(program)
    try {
      await run.load({ w: noise(3, [2, 1]), steps: tensor([], [0]) })
      await run.run({ x: noise(1, [4, 2]), t: noise(2, [4, 1]) })
    } finally {
      await run.dispose()
    }
  }
  test.each([
    ["HS2804: no GPU", { FAULTY: "client:1:5=No visible GPU devices." }, /^HS2804: .*No visible GPU devices/],
    ["HS2804: an old driver", { FAULTY: "client:1:13=CUDA driver version is insufficient for CUDA runtime version" }, /^HS2804: .*driver version/],
    ["HS2802: a plugin that does not start", { FAULTY: "client:1:13=libcudnn.so.9: cannot open shared object file" }, /^HS2802: .*libcudnn/],
    ["HS2803: an older version of the API", { FAULTY_VERSION: "40" }, /^HS2803: .*it speaks PJRT 0\.40/],
    ["HS2803: a shorter table", { FAULTY_WORDS: "60" }, /^HS2803: .*from 0\.81 on/],
    ["HS2807: a signal while it starts", { FAULTY: "client:1:segv" }, /^HS2807: .*by SIGSEGV/],
  ])("%s", async (_, fault, words) => {
    await expect(meets(fault)).rejects.toThrow(words)
  })
  test.skipIf(absent !== undefined).each([
    ["HS2806: a compiler that refuses", "compile:1:13=ptxas exited with non-zero error code 65280", /^HS2806: .*ptxas/],
    ["HS2805: memory while it compiles", "compile:1:8=Out of memory allocating 9 GiB", /^HS2805: memory ran out/],
    ["HS2807: a signal while it compiles", "compile:1:abort", /^HS2807: .*by SIGABRT/],
    ["HS2805: memory while weights are loaded", "put:1:8=Out of memory allocating 9 GiB", /^HS2805: memory ran out/],
    ["HS2805: memory of a run, as cuDNN says it", "execute:1:13=CUDNN_STATUS_ALLOC_FAILED", /^HS2805: memory ran out/],
    ["HS2807: a device that is lost", "execute:1:13=CUDA_ERROR_ILLEGAL_ADDRESS", /^HS2807: the device failed/],
    ["HS2807: a signal during a run", "execute:1:segv", /^HS2807: .*by SIGSEGV/],
  ])("%s", async (_, fault, words) => {
    await expect(meets({ FAULTY: fault }, true)).rejects.toThrow(words)
  })
  test.skipIf(absent !== undefined)("none: it is the plugin behind it", () => meets({}, true))
})
