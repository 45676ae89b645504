import { dirname, resolve } from "node:path"
import { fileURLToPath } from "node:url"
import { defineConfig } from "vitest/config"

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

/** Tests of pure functions on data: they leave nothing behind, so that their files share a process and what it has loaded. All others have one each. */
const pure = ["test/{analysis,data,dsl,ir,metrics,passes}/**/*.test.ts", "test/invalid/HS{3,4}*.test.ts"]
/** Tests that call commands (test/cli/session.ts), or train in this process: they share the process that the commands run in, and its warm code. */
const commands = [
  "test/{cli,models,report,runtime,segment,study}/**/*.test.ts",
  "test/training/{blocks,border,command,evaluate,localizer,loop}.test.ts",
  "test/docs/tutorial.test.ts",
  "test/invalid/HS{5,27,104}*.test.ts",
]

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
    maxWorkers: 2,
    server: { deps: { external: [/\/dist\/.*\.js$/] } },
    // Two files run at once on two cores: threads of one that wait for one another would take the other's time.
    env: { HASAM_THREADS: "1", OMP_NUM_THREADS: "1", OPENBLAS_NUM_THREADS: "1" },
    projects: [
      { extends: true, test: { name: "pure", include: pure, isolate: false } },
      { extends: true, test: { name: "commands", include: commands, isolate: false } },
      { extends: true, test: { name: "own", include: ["test/**/*.test.ts"], exclude: [...pure, ...commands] } },
    ],
  },
})
