/** A clone installs behind a firewall: no package's script asks a host for more, under any npm, and none is left undecided. */
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { expect, test } from "vitest"
import { packageRoot } from "../../src/compiler/frontend/package.ts"

const json = (name: string) => JSON.parse(readFileSync(join(packageRoot, name), "utf8"))
const { allowScripts } = json("package.json") as { readonly allowScripts: Readonly<Record<string, boolean>> }
const { packages } = json("package-lock.json") as { packages: Record<string, { readonly hasInstallScript?: boolean }> }
const scripted = Object.entries(packages)
  .filter(([, { hasInstallScript }]) => hasInstallScript)
  .map(([path]) => path.split("node_modules/").at(-1)!)

test("onnxruntime-node's script, which asks another host for CUDA's libraries, is not run", () => {
  expect(allowScripts["onnxruntime-node"]).toBe(false)
  // npm 10 knows no allowScripts: of a lockfile it runs the scripts that this line announces. Delete it there again.
  expect(scripted).not.toContain("onnxruntime-node")
})

test("of every other package with a script it is said whether it runs, so that npm asks nobody", () => {
  expect(scripted.length).toBeGreaterThan(2)
  expect(scripted.filter((name) => !(name in allowScripts))).toEqual([])
})

test("npm knows every setting of .npmrc", () => {
  const keys = readFileSync(join(packageRoot, ".npmrc"), "utf8")
    .trim()
    .split("\n")
    .map((line) => line.split("=")[0])
  expect(keys).toEqual(["fund", "audit", "omit-lockfile-registry-resolved"])
})

test("esbuild's programs are those of its own package, and nothing that an installation brings has an install script", () => {
  const { dependencies, optionalDependencies, scripts } = json("package.json")
  expect(optionalDependencies).toEqual(json("node_modules/esbuild/package.json").optionalDependencies)
  expect(Object.keys(scripts).filter((name) => /^(pre|post)?install$|^prepare$/.test(name))).toEqual([])
  const brought = new Set<string>()
  const bring = (name: string): void => {
    if (brought.has(name)) return
    brought.add(name)
    const one = (packages as Record<string, { dependencies?: object; optionalDependencies?: object }>)[
      `node_modules/${name}`
    ]
    for (const next of Object.keys({ ...one?.dependencies, ...one?.optionalDependencies })) bring(next)
  }
  for (const name of Object.keys({ ...dependencies, ...optionalDependencies })) bring(name)
  expect(brought.size).toBeGreaterThan(25)
  expect([...brought].filter((name) => scripted.includes(name))).toEqual([])
})
