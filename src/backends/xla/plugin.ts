/** Where a PJRT plugin is: what the environment says, else the active Python's packages, else hasam's own folder. */
import { spawnSync } from "node:child_process"
import { existsSync, readdirSync, statSync } from "node:fs"
import { homedir } from "node:os"
import { basename, dirname, join } from "node:path"
import type { Toolkit } from "./flags.ts"

export interface Plugin {
  readonly path: string
  /** Size and time: another file is another plugin. */
  readonly stamp: string
  readonly toolkit?: Toolkit
}
export interface Found {
  readonly plugin?: Plugin
  /** Files and folders that were looked for, in order. */
  readonly looked: readonly string[]
  /** What a variable names and is no file; of a folder, the plugins that it holds. */
  readonly named?: { readonly variable: string; readonly path: string; readonly holds?: readonly string[] }
}

/** Folders of hasam's own: plugins that were installed for it, executables that it compiled. */
export const ownFolder = (env: NodeJS.ProcessEnv): string =>
  env["HASAM_CACHE"] ?? join(env["XDG_CACHE_HOME"] || join(homedir(), ".cache"), "hasam")

/** site-packages of the Python that a terminal would start, and of the active environments. */
const activePackages = (env: NodeJS.ProcessEnv): readonly string[] => {
  const roots = [env["VIRTUAL_ENV"], env["CONDA_PREFIX"]].filter((root) => root !== undefined && root !== "")
  const code =
    "import site, sysconfig; print(sysconfig.get_paths()['purelib']); print(*site.getsitepackages(), site.getusersitepackages(), sep='\\n')"
  const { status, stdout } = spawnSync("python3", ["-c", code], { encoding: "utf8", timeout: 10_000, env })
  const said = status === 0 ? stdout.trim().split("\n") : []
  return [...new Set([...roots.flatMap((root) => packagesIn(root!)), ...said])]
}
/** ROOT/lib/python3.x/site-packages */
const packagesIn = (root: string): readonly string[] => {
  const lib = join(root, "lib")
  if (!existsSync(lib)) return []
  return readdirSync(lib)
    .filter((name) => name.startsWith("python3"))
    .map((name) => join(lib, name, "site-packages"))
}

/** Where packages of PyPI put their plugins, newest CUDA first. */
const cudaPlugins = ["jax_plugins/xla_cuda13/xla_cuda_plugin.so", "jax_plugins/xla_cuda12/xla_cuda_plugin.so"]
const cpuPlugins = ["lammps_jax_pjrt_cpu/pjrt_c_api_cpu_plugin.so", "xla_plugins/xla_cpu_pjrt/xla_cpu_pjrt.so"]

const pluginAt = (path: string): Plugin => {
  const { size, mtimeMs } = statSync(path)
  const toolkit = toolkitBeside(path)
  return { path, stamp: `${size} ${Math.round(mtimeMs)}`, ...(toolkit === undefined ? {} : { toolkit }) }
}
/** pip's nvidia packages, in the same site-packages as the plugin: nvidia/cu13 in one tree, or a folder for each of them. */
const toolkitBeside = (path: string): Toolkit | undefined => {
  const nvidia = join(dirname(path), "../../nvidia")
  if (!path.includes("cuda") || !existsSync(nvidia)) return undefined
  const folders = readdirSync(nvidia).map((name) => join(nvidia, name))
  const root = folders.find((folder) => existsSync(join(folder, "bin", "ptxas")))
  const libraries = folders.map((folder) => join(folder, "lib")).filter((folder) => existsSync(folder))
  return root === undefined ? undefined : { root, libraries }
}

/** The plugins at or below a folder: an environment, its site-packages, or a package's own folder. */
const pluginsIn = (folder: string, names: readonly string[]): readonly string[] => {
  const below = [folder, ...packagesIn(folder)].flatMap((root) => names.map((name) => join(root, name)))
  return [...names.map((name) => join(folder, basename(name))), ...below].filter((path) => existsSync(path))
}

export type PluginKind = "cuda" | "any"
const variable = { cuda: "HASAM_CUDA_PLUGIN", any: "HASAM_PJRT_PLUGIN" } as const

export const findPlugin = (kind: PluginKind, env: NodeJS.ProcessEnv = process.env): Found => {
  const named = env[variable[kind]]
  const names = kind === "cuda" ? cudaPlugins : cpuPlugins
  if (named !== undefined && named !== "") {
    const there = statSync(named, { throwIfNoEntry: false })
    if (there !== undefined && !there.isDirectory()) return { looked: [named], plugin: pluginAt(named) }
    const about = { variable: variable[kind], path: named }
    return { looked: [named], named: there === undefined ? about : { ...about, holds: pluginsIn(named, names) } }
  }
  const own = packagesIn(join(ownFolder(env), kind === "cuda" ? "cuda" : "pjrt"))
  const places = [...activePackages(env), ...own].flatMap((folder) => names.map((name) => join(folder, name)))
  const path = places.find((place) => existsSync(place))
  return { looked: places, ...(path === undefined ? {} : { plugin: pluginAt(path) }) }
}
