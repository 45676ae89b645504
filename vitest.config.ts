import { fileURLToPath } from "node:url"
import { defineConfig } from "vitest/config"

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url))

export default defineConfig({
  resolve: {
    alias: [
      { find: /^hasam$/, replacement: here("./src/dsl/index.ts") },
      { find: /^hasam\/compiler$/, replacement: here("./src/compiler/index.ts") },
      { find: /^hasam\/runtime$/, replacement: here("./src/runtime/index.ts") },
    ],
  },
  test: {
    include: ["test/**/*.test.ts"],
    globalSetup: ["test/build.ts"],
    testTimeout: 120_000,
    hookTimeout: 120_000,
    pool: "forks",
    maxWorkers: 2,
  },
})
