/** hasam install cpu: the CPU engine's native code, from the npm registry, for this machine alone. */
import { spawn } from "node:child_process"
import { existsSync } from "node:fs"
import { readdir, rename, rm } from "node:fs/promises"
import { dirname, join } from "node:path"
import { nativeFolder, nativeVersion } from "../../backends/onnx/native.ts"
import { failed } from "../../compiler/diagnostic.ts"
import { makeFolder } from "../../runtime/files.ts"
import { talk } from "../output.ts"

/** npm, which comes with Node; gives what it said where it fails. */
const npm = (args: readonly string[], cwd: string): Promise<string | undefined> =>
  new Promise((done) => {
    // On Windows npm is a script, which only a shell starts; none of the arguments comes from a user.
    const child = spawn("npm", args, { cwd, stdio: ["ignore", "ignore", "pipe"], shell: process.platform === "win32" })
    let said = ""
    child.stderr.on("data", (text) => {
      said += text
    })
    child.on("error", (problem) => done(problem.message))
    child.on("close", (code) => done(code === 0 ? undefined : said))
  })

/** What npm's many lines come to. */
const reasonOf = (said: string): string => {
  const lines = said.split("\n").map((line) => line.replace(/^npm (error|ERR!) ?/, "").trim())
  return lines.find((line) => line !== "" && !/^(npm warn|code )/.test(line)) ?? "npm failed"
}

/** The package has the libraries of every system; this machine needs one of them. */
const pruneOthers = async (binaries: string): Promise<void> => {
  for (const system of await readdir(binaries))
    for (const processor of await readdir(join(binaries, system)))
      if (system !== process.platform || processor !== process.arch)
        await rm(join(binaries, system, processor), { recursive: true })
}

const installCpu = async (): Promise<void> => {
  const folder = nativeFolder()
  if (existsSync(folder)) {
    talk(`${folder} is there already`)
    return
  }
  const beside = `${folder}.${process.pid}`
  await makeFolder(beside)
  try {
    talk(`onnxruntime-node ${nativeVersion}, from the npm registry …`)
    // Its own install step would ask another host for CUDA's libraries, which the CPU engine does not use.
    const said = await npm(
      ["install", "--prefix", ".", "--ignore-scripts", "--no-audit", "--no-fund", `onnxruntime-node@${nativeVersion}`],
      beside,
    )
    if (said !== undefined)
      throw failed(
        "hasam install",
        "HS2501",
        `npm could not bring onnxruntime-node: ${reasonOf(said)}`,
        "See whether npm reaches its registry: npm ping.",
      )
    const binaries = join(beside, "node_modules/onnxruntime-node/bin/napi-v6")
    if (!existsSync(join(binaries, process.platform, process.arch)))
      throw failed(
        "hasam install",
        "HS2501",
        `onnxruntime-node has no library for ${process.platform} on ${process.arch}`,
        "Use WebAssembly: npm install onnxruntime-web.",
      )
    await pruneOthers(binaries)
    await makeFolder(dirname(folder))
    await rename(beside, folder)
    talk(`wrote ${folder}`)
  } finally {
    await rm(beside, { recursive: true, force: true })
  }
}

const engines: Readonly<Record<string, () => Promise<void>>> = { cpu: installCpu }

/** hasam install cpu */
export const install = async (engine: string): Promise<void> => {
  const bring = engines[engine]
  if (bring === undefined)
    throw failed(
      "hasam install",
      "HS2503",
      `'${engine}' is no engine that is installed so`,
      `There is ${Object.keys(engines).join(", ")}; hasam doctor says how to bring the others.`,
    )
  await bring()
}
