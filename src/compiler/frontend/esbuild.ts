/**
 * esbuild without its own package, whose install script package managers warn of or hold back, and which has nothing to do where the program for this
 * platform is a dependency of ours: the build puts its JavaScript, unchanged, into dist (scripts/parts.js).
 */
import { existsSync, readFileSync } from "node:fs"
import { createRequire } from "node:module"
import { join } from "node:path"
import { failed } from "../diagnostic.ts"
import { packageRoot } from "./package.ts"

const require = createRequire(import.meta.url)
const platform = `@esbuild/${process.platform}-${process.arch}`
const packaged = join(packageRoot, "dist/esbuild/lib/main.js")

/** The program for this platform; undefined where it is not installed, or ESBUILD_BINARY_PATH names another, which is esbuild's own business. */
export const program = (): string | undefined => {
  if (process.env["ESBUILD_BINARY_PATH"] !== undefined) return undefined
  try {
    return require.resolve(`${platform}/${process.platform === "win32" ? "esbuild.exe" : "bin/esbuild"}`)
  } catch {
    return undefined
  }
}

/** Throws HS2520 where the program is not installed. */
export const esbuild = (): typeof import("esbuild") => {
  if (program() === undefined && process.env["ESBUILD_BINARY_PATH"] === undefined) {
    const { optionalDependencies } = JSON.parse(readFileSync(join(packageRoot, "package.json"), "utf8"))
    throw failed(
      platform,
      "HS2520",
      `the package '${platform}' is not installed; it is needed to read specs`,
      `Install hasam without --omit=optional, or bring it: npm install ${platform}@${optionalDependencies[platform] ?? "latest"}`,
    )
  }
  return require(existsSync(packaged) ? packaged : "esbuild")
}
