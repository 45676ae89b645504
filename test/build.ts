/**
 * Before any test: dist is what src gives as it stands (scripts/built.js), or is built, so that no test runs a stale one; and the folder for what
 * tests write (test/folder.ts), which goes when all are through. Once, whatever asks for it.
 */
import { execFileSync } from "node:child_process"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"

const root = fileURLToPath(new URL("..", import.meta.url))

let seen = false
export default async (): Promise<(() => void) | undefined> => {
  if (seen) return undefined
  seen = true
  const { isBuilt } = await import(join(root, "scripts/built.js"))
  if (!isBuilt(root)) execFileSync(process.execPath, [join(root, "scripts/build.js")], { stdio: "inherit" })
  const folder = mkdtempSync(join(tmpdir(), "hasam-tests-"))
  process.env["HASAM_TESTS"] = folder
  return () => rmSync(folder, { recursive: true, force: true, maxRetries: 3 })
}
