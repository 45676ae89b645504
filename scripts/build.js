// dist/ from src/: one native tsc run, JavaScript and declarations together; parts of libraries within the modules that use them
// (parts.js); and the Python of PyTorch packages as it is.
import { spawnSync } from "node:child_process"
import { cpSync, existsSync, renameSync, rmSync } from "node:fs"
import { createRequire } from "node:module"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"
import { digestOfSources, leaveRecord } from "./built.js"

const root = join(dirname(fileURLToPath(import.meta.url)), "..")
if (!existsSync(join(root, "src"))) process.exit(0) // an installed package already has its dist
const tsc = join(dirname(createRequire(import.meta.url).resolve("typescript/package.json")), "bin/tsc")
// Beside, then renamed: what runs meanwhile never meets half a build.
const folder = `dist.${process.pid}`
const next = join(root, folder)
const from = digestOfSources(root)
const run = spawnSync(process.execPath, [tsc, "-p", join(root, "tsconfig.json"), "--outDir", next], {
  stdio: "inherit",
  cwd: root,
})
if (existsSync(next)) {
  if (run.status === 0) await (await import("./parts.js")).bundleParts(next)
  const { buildPages } = await import("./pages.js")
  await buildPages(next)
  const python = "backends/pytorch/python"
  cpSync(join(root, "src", python), join(next, python), {
    recursive: true,
    filter: (p) => !/__pycache__|_cache/.test(p),
  })
  if (run.status === 0) {
    await (await import("./bundle.js")).bundle(next)
    leaveRecord(root, folder, from)
  }
  rmSync(join(root, "dist"), { recursive: true, force: true })
  renameSync(next, join(root, "dist"))
}
process.exit(run.status ?? 1)
