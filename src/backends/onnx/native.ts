/** Where `hasam install cpu` puts onnxruntime's native code, for whoever runs hasam on this machine. */
import { readFileSync } from "node:fs"
import { homedir } from "node:os"
import { join } from "node:path"
import { packageRoot } from "../../compiler/frontend/package.ts"

const wanted: string = JSON.parse(readFileSync(join(packageRoot, "package.json"), "utf8")).peerDependencies[
  "onnxruntime-node"
]
/** The version that hasam is tested with. */
export const nativeVersion = wanted.replace(/^[^\d]*/, "")

const cache = (): string =>
  process.env["XDG_CACHE_HOME"] ??
  (process.platform === "win32"
    ? (process.env["LOCALAPPDATA"] ?? join(homedir(), "AppData", "Local"))
    : process.platform === "darwin"
      ? join(homedir(), "Library", "Caches")
      : join(homedir(), ".cache"))

/** HASAM_ENGINES names another place. */
export const nativeFolder = (): string =>
  join(process.env["HASAM_ENGINES"] ?? join(cache(), "hasam"), `onnxruntime-${nativeVersion}`)
