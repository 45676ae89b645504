import { fileURLToPath } from "node:url"
import { defineConfig } from "vitest/config"

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url))

/** Tests of pure functions on data: they leave nothing behind, so that their files share a process and what it has loaded. All others have one each. */
const pure = ["test/{analysis,data,dsl,ir,metrics,passes}/**/*.test.ts", "test/invalid/HS{3,4}*.test.ts"]

export default defineConfig({
  resolve: {
    alias: [
      { find: /^hasam$/, replacement: here("./src/dsl/index.ts") },
      { find: /^hasam\/compiler$/, replacement: here("./src/compiler/index.ts") },
      { find: /^hasam\/runtime$/, replacement: here("./src/runtime/index.ts") },
    ],
  },
  test: {
    globalSetup: ["test/build.ts"],
    testTimeout: 120_000,
    hookTimeout: 120_000,
    pool: "forks",
    maxWorkers: 2,
    projects: [
      { extends: true, test: { name: "pure", include: pure, isolate: false } },
      { extends: true, test: { name: "own", include: ["test/**/*.test.ts"], exclude: pure } },
    ],
  },
})
