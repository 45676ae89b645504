// dist/ from src/: one native tsc run, JavaScript and declarations together; the part of echarts that figures need; and the Python of
// PyTorch packages as it is.
import { spawnSync } from "node:child_process"
import { cpSync, existsSync, renameSync, rmSync } from "node:fs"
import { createRequire } from "node:module"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"

const root = join(dirname(fileURLToPath(import.meta.url)), "..")
if (!existsSync(join(root, "src"))) process.exit(0) // an installed package already has its dist
const tsc = join(dirname(createRequire(import.meta.url).resolve("typescript/package.json")), "bin/tsc")
// Beside, then renamed: what runs meanwhile never meets half a build.
const next = join(root, `dist.${process.pid}`)
const run = spawnSync(process.execPath, [tsc, "-p", join(root, "tsconfig.json"), "--outDir", next], {
  stdio: "inherit",
  cwd: root,
})
// Of echarts only what the figures draw with travels: 0.6 of 62 MB.
const figures = join(next, "runtime/figures/echarts.js")
if (existsSync(figures)) {
  const { build } = await import("esbuild")
  const banner = {
    js: "/*! Contains parts of Apache ECharts and zrender; see their licences, Apache-2.0 and BSD-3-Clause. */",
  }
  await build({
    entryPoints: [figures],
    outfile: figures,
    allowOverwrite: true,
    bundle: true,
    minify: true,
    format: "esm",
    banner,
    legalComments: "inline",
  })
}
if (existsSync(next)) {
  const { buildPages } = await import("./pages.js")
  await buildPages(join(next, "pages"))
  const python = "backends/pytorch/python"
  cpSync(join(root, "src", python), join(next, python), {
    recursive: true,
    filter: (p) => !/__pycache__|_cache/.test(p),
  })
  rmSync(join(root, "dist"), { recursive: true, force: true })
  renameSync(next, join(root, "dist"))
}
process.exit(run.status ?? 1)
