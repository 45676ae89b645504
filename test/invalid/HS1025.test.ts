import { expect, test, vi } from "vitest"

vi.mock("node:child_process", () => ({
  execFile: (_: string, __: readonly string[], ___: object, done: (error: Error, out: string, err: string) => void) =>
    done(new Error("spawn EACCES"), "", ""),
}))

test("HS1025: the type checker does not start; the spec is still evaluated", async () => {
  const { typeCheck } = await import("../../src/compiler/frontend/typecheck.ts")
  expect(await typeCheck(["mine.ts"])).toEqual([
    {
      file: "mine.ts",
      line: 0,
      column: 0,
      code: "HS1025",
      severity: "warning",
      message: "the type checker did not run: spawn EACCES",
    },
  ])
})
