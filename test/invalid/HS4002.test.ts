import { expect, test } from "vitest"
import { readBytes } from "../../src/runtime/files.ts"

test("a file that is not there", async () => {
  await expect(readBytes("/nowhere/at/all.png")).rejects.toMatchObject({
    diagnostics: [{ file: "/nowhere/at/all.png", code: "HS4002", message: "the file cannot be read: there is no such file or folder" }],
  })
})
