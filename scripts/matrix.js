/**
 * The package as users install it: packed, then installed into empty folders by npm and pnpm under Node 20, 22 and 24, with TypeScript 5.9 and 7; a table
 * of what held. Node and pnpm come from the npm registry, and nothing else is asked. Takes minutes: not a part of `npm test`.
 *
 *     node scripts/matrix.js [--no-training]
 */
import { execFileSync, spawnSync } from "node:child_process"
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { delimiter, join } from "node:path"
import { fileURLToPath } from "node:url"

const root = fileURLToPath(new URL("..", import.meta.url))
const training = !process.argv.includes("--no-training")
const work = mkdtempSync(join(tmpdir(), "hasam-matrix-"))
const clean = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^npm_/i.test(name)))

const nodes = ["20", "22", "24"]
const managers = ["npm@11", "pnpm@10"]
const compilers = ["5.9", "7"]
const resolutions = [
  ["nodenext", "nodenext"],
  ["esnext", "bundler"],
]

const npm = (args, cwd) =>
  execFileSync("npm", [...args, "--no-audit", "--no-fund", "--prefer-offline"], { cwd, env: clean, encoding: "utf8" })

/** A tool from the registry, in a folder of its own. */
const brought = (spec) => {
  const folder = join(work, spec.replaceAll(/[^\w.]/g, "-"))
  mkdirSync(folder)
  writeFileSync(join(folder, "package.json"), "{}")
  npm(["install", spec], folder)
  return join(folder, "node_modules")
}

const spec = `import { adapt, afterAttention, expectTrainable, freezeAll, linear, pipe, samVitB, uniform } from "hasam"
import { compileSpecs, type Report } from "hasam/compiler"
import { evaluate, load, train } from "hasam/runtime"
export const mine = pipe(samVitB, freezeAll, adapt(uniform(12, 64), () => [afterAttention(linear(768, 768))]))
export const report: Promise<Report> = compileSpecs(["user.ts"]).then(({ report }) => report)
export const used = [evaluate, load, train]
// @ts-expect-error another depth
export const wrong = pipe(samVitB, freezeAll, adapt(uniform(11, 64), () => [afterAttention(linear(768, 768))]))
`
const tiny = `import { adapt, afterAttention, expectTrainable, freezeAll, linear, pipe, samVitB, uniform } from "hasam"
export const mine = pipe(samVitB, freezeAll, adapt(uniform(12, 64), () => [afterAttention(linear(768, 768))]), expectTrainable(7_087_104))
`

const [{ filename }] = JSON.parse(npm(["pack", "--ignore-scripts", "--json", "--pack-destination", work], root))
const tarball = join(work, filename)
const versions = nodes.map((n) =>
  join(brought(`node-${process.platform}-${process.arch}@${n}`), `node-${process.platform}-${process.arch}/bin`),
)
const programs = {
  "npm@11": join(brought("npm@11"), "npm/bin/npm-cli.js"),
  "pnpm@10": join(brought("pnpm@10"), "pnpm/bin/pnpm.cjs"),
}

let failed = false
const rows = []
for (const bin of versions) {
  const node = join(bin, "node")
  const env = { ...clean, NO_COLOR: "1", PATH: `${bin}${delimiter}${clean.PATH}`, HASAM_ENGINES: join(work, "engines") }
  const call = (args, cwd) => {
    const { status, stdout, stderr } = spawnSync(node, args, { cwd, env, encoding: "utf8" })
    return { ok: status === 0, text: `${stdout}${stderr}` }
  }
  const version = call(["--version"], work).text.trim()
  for (const manager of managers) {
    const row = [version, manager]
    const held = (name, { ok, text }) => {
      row.push(ok ? name : `✗ ${name}`)
      if (!ok) {
        failed = true
        console.error(`${version}, ${manager}: ${name}\n${text}`)
      }
    }
    const folder = mkdtempSync(join(work, "project-"))
    const own = { name: "user", private: true, type: "module" }
    writeFileSync(join(folder, "package.json"), JSON.stringify(own))
    const add = (...packages) =>
      call([programs[manager], manager.startsWith("pnpm") ? "add" : "install", ...packages], folder)
    const installed = add(tarball)
    held("install", installed)
    const warnings = installed.text.split("\n").filter((line) => /warn/i.test(line))
    if (warnings.length > 0) row.push(`(${warnings.length} warnings)`)
    for (const line of warnings) console.error(`${version}, ${manager}: ${line}`)
    const hasam = (...args) => call([join(folder, "node_modules/hasam/bin/hasam.js"), ...args], folder)
    writeFileSync(join(folder, "tiny.ts"), tiny)
    held("compile", hasam("compile", "tiny.ts"))
    for (const compiler of compilers) {
      held(`add TypeScript ${compiler}`, add(`typescript@~${compiler === "7" ? "7.0" : compiler}`))
      held("compile", hasam("compile", "tiny.ts"))
      writeFileSync(join(folder, "user.ts"), spec)
      for (const [module, resolution] of resolutions) {
        const options = ["--noEmit", "--strict", "--skipLibCheck", "false", "--target", "es2022"]
        const tsc = join(folder, "node_modules/typescript/bin/tsc")
        held(
          resolution,
          call([tsc, ...options, "--module", module, "--moduleResolution", resolution, "user.ts"], folder),
        )
      }
    }
    if (training) {
      held("add sharp", add("sharp"))
      held("install cpu", hasam("install", "cpu"))
      mkdirSync(join(folder, "small"))
      cpSync(join(root, "examples/small/index.ts"), join(folder, "small/index.ts"))
      held("phantoms", hasam("data", "phantoms", "images", "--count", "12", "--size", "64"))
      held("train", hasam("train", "small", "--data", "images", "--out", "run", "--epochs", "1"))
      held("segment", hasam("segment", "run", "images/images", "--point", "30,20", "--out", "masks"))
    }
    rows.push(row)
    console.log(row.join(" · "))
    rmSync(folder, { recursive: true, force: true })
  }
}
rmSync(work, { recursive: true, force: true })
process.exitCode = failed ? 1 : 0
