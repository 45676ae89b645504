/** The package as a user meets it: packed, installed in an empty folder from the registry alone, imported, run. */
import { spawnSync } from "node:child_process"
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, statSync, writeFileSync } from "node:fs"
import { createRequire } from "node:module"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { beforeAll, describe, expect, test } from "vitest"
import { packageRoot } from "../../src/compiler/frontend/package.ts"

const folder = mkdtempSync(join(tmpdir(), "hasam-installed-"))
const environment = { ...process.env, NO_COLOR: "1", HASAM_ENGINES: join(folder, "engines") }
const call = (command: string, args: readonly string[], cwd = folder) => {
  // npm's own settings of the clone would come along in its variables.
  const env = Object.fromEntries(Object.entries(environment).filter(([name]) => !/^npm_/i.test(name)))
  const { status, stdout, stderr } = spawnSync(command, args, { cwd, encoding: "utf8", env })
  return { status, out: stdout, talk: stderr }
}
const hasam = (...args: readonly string[]) =>
  call(process.execPath, [join(folder, "node_modules/hasam/bin/hasam.js"), ...args])

/** Of all files; what has two names is there once. */
const megabytes = (path: string): number => {
  const stats = readdirSync(path, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => statSync(join(entry.parentPath, entry.name)))
  const files = new Map(stats.map(({ ino, size }) => [ino, size]))
  return [...files.values()].reduce((sum, size) => sum + size, 0) / 1e6
}

const online = call("npm", ["ping"]).status === 0
if (!online) console.warn("skipped: npm does not reach its registry, so nothing can be installed from it")

describe.skipIf(!online)("installed from its tarball", () => {
  beforeAll(() => {
    const packed = call("npm", ["pack", "--ignore-scripts", "--json", "--pack-destination", folder], packageRoot)
    const [{ filename }] = JSON.parse(packed.out)
    writeFileSync(join(folder, "package.json"), JSON.stringify({ name: "user", private: true, type: "module" }))
    const installed = call("npm", ["install", "--prefer-offline", "--no-audit", "--no-fund", join(folder, filename)])
    expect(installed.status, installed.talk).toBe(0)
  })

  test("language and compiler are under 60 MB", () => {
    const size = megabytes(join(folder, "node_modules"))
    console.log(`language and compiler: ${size.toFixed(1)} MB`)
    expect(size).toBeLessThan(60)
    expect(size).toBeGreaterThan(20)
  })

  test("hasam init makes a project that compiles within its budget, and checks itself", () => {
    expect(hasam("init", "first").status).toBe(0)
    const { status, out, talk } = hasam("compile", "first", "--budget", "first/budget.json")
    expect(talk).toBe("")
    expect(status).toBe(0)
    expect(out).toContain("✓ expectTrainable(968_304)")
    expect(existsSync(join(folder, "first/.gitignore"))).toBe(true)
    const page = hasam("compile", "first", "--target", "webgpu", "--out", "first/page")
    expect(page.status, page.talk).toBe(1)
    expect(page.talk).toContain("HS2520")
    expect(existsSync(join(folder, "first/page"))).toBe(false)
    expect(hasam("init", "first")).toMatchObject({ status: 2, talk: expect.stringContaining("HS5002") })
    expect(hasam("init", "No Name").talk).toContain("'No Name' cannot be a package's name")
  })

  const versions = { "TypeScript 5.9": "typescript-5.9", "TypeScript 7": "typescript" }
  const modules = [
    ["nodenext", "nodenext"],
    ["esnext", "bundler"],
  ] as const
  describe.each(Object.entries(versions))("%s", (_, name) => {
    test.each(modules)("reads the declarations under %s, %s, libraries checked", (module, resolution) => {
      const source = `import { adapt, afterAttention, freezeAll, linear, pipe, samVitB, uniform } from "hasam"
import { compileSpecs, type Report } from "hasam/compiler"
import { evaluate, load, train } from "hasam/runtime"
export const mine = pipe(samVitB, freezeAll, adapt(uniform(12, 64), (rank) => [afterAttention(linear(768, 768))]))
export const report: Promise<Report> = compileSpecs(["user.ts"]).then(({ report }) => report)
export const dice = async (): Promise<number> => {
  await train("spec.ts#mine", { data: "images", out: "run", on: (event) => void (event.kind === "epoch" && event.loss.toFixed(2)) })
  const model = await load("run")
  const { objects } = await model.segment("scan.png", { prompt: { point: [3, 4] } })
  const results = await evaluate("run")
  return results.kind === "masks" ? results.summaries.dice.mean + objects.length : results.hits
}
// @ts-expect-error a target that does not train in this process
export const elsewhere = train("spec.ts", { data: "images", out: "run", target: "pytorch" })
// @ts-expect-error another depth
export const wrong = pipe(samVitB, freezeAll, adapt(uniform(11, 64), (rank) => [afterAttention(linear(768, 768))]))
`
      writeFileSync(join(folder, "user.ts"), source)
      const tsc = join(dirname(createRequire(import.meta.url).resolve(`${name}/package.json`)), "bin/tsc")
      // TypeScript's own libraries are its own business, and half of the work.
      const options = ["--noEmit", "--strict", "--skipLibCheck", "false", "--skipDefaultLibCheck", "--target", "es2022"]
      const { status, out } = call(process.execPath, [
        tsc,
        ...options,
        "--module",
        module,
        "--moduleResolution",
        resolution,
        "user.ts",
      ])
      expect(out).toBe("")
      expect(status).toBe(0)
    })
  })

  test("what is missing is named with the line that brings it", () => {
    writeFileSync(
      join(folder, "lacking.js"),
      `import { attempt, load } from "hasam/runtime"
// A model is loaded, and runs on tensors, without a reader of images; a file is read by one.
const model = await load("first")
const tried = await attempt(() => model.segment("scan.png", { prompt: { point: [1, 1] } }))
console.log(tried.ok, tried.ok || tried.diagnostics[0].code, tried.ok || tried.diagnostics[0].help)
`,
    )
    expect(call(process.execPath, ["lacking.js"]).out).toMatch(/^false HS2520 Bring it: npm install sharp@/)
    const { out, status } = hasam("doctor")
    expect(status).toBe(0)
    expect(out).toMatch(/✓ +type checker +typescript \d/)
    expect(out).toMatch(/– +images +sharp not installed\n +npm install sharp@/)
    expect(out).toMatch(/– +cpu .*\n +Bring it: hasam install cpu\./)
    expect(hasam("data", "phantoms", "images", "--count", "8", "--size", "64").talk).toMatch(
      /HS2520: the package 'sharp' is not installed.*\n.*Bring it: npm install sharp@/,
    )
    expect(hasam("run", "first", "--inputs", "a", "--outputs", "b").status).toBe(1)
  })

  test("with the CPU engine and the reader of images, a small SAM trains and is evaluated", () => {
    const sharp = call("npm", ["install", "--prefer-offline", "--no-audit", "--no-fund", "sharp"])
    expect(sharp.status, sharp.talk).toBe(0)
    expect(hasam("install", "cpu").status).toBe(0)
    const size = megabytes(join(folder, "node_modules")) + megabytes(join(folder, "engines"))
    console.log(`with the CPU engine and sharp: ${size.toFixed(1)} MB`)
    expect(size).toBeLessThan(150)
    mkdirSync(join(folder, "small"))
    cpSync(join(folder, "node_modules/hasam/examples/small/index.ts"), join(folder, "small/index.ts"))
    expect(hasam("data", "phantoms", "images", "--count", "12", "--size", "64").status).toBe(0)
    const trained = hasam("train", "small", "--data", "images", "--out", "run", "--epochs", "1")
    expect(trained.status, trained.talk).toBe(0)
    const evaluated = hasam("eval", "run")
    expect(evaluated.status, evaluated.talk).toBe(0)
    expect(existsSync(join(folder, "run/curves.svg"))).toBe(true)
    writeFileSync(
      join(folder, "code.js"),
      `import { evaluate, load } from "hasam/runtime"
const model = await load("run")
const { width, height, objects } = await model.segment("images/images/0000.png", { prompt: { point: [30, 20] } })
const { summaries } = await evaluate("run")
console.log(width, height, objects.length, summaries.dice.n)
`,
    )
    const code = call(process.execPath, ["code.js"])
    expect(code.talk).toBe("")
    expect(code.out).toMatch(/^64 48 1 \d\n$/)
  })
})
