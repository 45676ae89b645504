import { dirname, resolve } from "node:path"
import { fileURLToPath } from "node:url"
import { defineConfig } from "vitest/config"
import { LongestFirst } from "./test/order.ts"

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url))

/**
 * Tests import src/x.ts and get dist/x.js, which is built from it before any test (test/build.ts): what users run, one instance of each module for
 * the test, its specs and the commands, and nothing to translate for each of a hundred and fifty processes.
 */
const built = {
  name: "built",
  enforce: "pre" as const,
  resolveId: (id: string, importer?: string) => {
    const path = id.startsWith(".") && importer ? resolve(dirname(importer), id) : id
    const [, module] = path.startsWith(here("./src/")) ? (/\/src\/(?!pages\/)(.+)\.ts$/.exec(path) ?? []) : []
    return module === undefined ? undefined : here(`./dist/${module}.js`)
  },
}

/** Tests that have a process each: engines on a device, browsers and servers, and what is about a process's beginning. */
const own = [
  "test/{pages,site}/**/*.test.ts",
  "test/backends/tfjs/**/*.test.ts",
  "test/ops/engines.test.ts",
  "test/package/install.test.ts",
  "test/report/axe.test.ts",
  "test/frontend/temporary.test.ts",
]
/** They share what a plugin for PJRT has loaded. */
const plugin = ["test/backends/xla/**/*.test.ts"]
/** All others leave nothing behind: their files share a process, what it has loaded, and the process that commands run in (test/cli/session.ts). */
const shared = ["test/**/*.test.ts"]

export default defineConfig({
  plugins: [built],
  resolve: {
    alias: [
      { find: /^hasam$/, replacement: here("./src/dsl/index.ts") },
      { find: /^hasam\/compiler$/, replacement: here("./src/compiler/index.ts") },
      { find: /^hasam\/runtime$/, replacement: here("./src/runtime/index.ts") },
    ],
  },
  test: {
    globalSetup: ["test/build.ts"],
    setupFiles: ["test/folder.ts"],
    testTimeout: 120_000,
    hookTimeout: 120_000,
    pool: "forks",
    // Graphs are many small objects that die soon: with room for them V8 spends a tenth less on all.
    execArgv: ["--max-semi-space-size=64"],
    maxWorkers: 2,
    server: { deps: { external: [/\/dist\/.*\.js$/] } },
    // Two files run at once on two cores: threads of one that wait for one another would take the other's time.
    env: { HASAM_THREADS: "1", OMP_NUM_THREADS: "1", OPENBLAS_NUM_THREADS: "1" },
    sequence: { sequencer: LongestFirst },
    projects: [
      { extends: true, test: { name: "own", include: own } },
      { extends: true, test: { name: "plugin", include: plugin, isolate: false } },
      { extends: true, test: { name: "shared", include: shared, exclude: [...own, ...plugin], isolate: false } },
    ],
  },
})
