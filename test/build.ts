/** Before any test: dist is what src gives as it stands (scripts/built.js), or is built, so that no test runs a stale one. Once, whatever asks for it. */
import { execFileSync } from "node:child_process"
import { join } from "node:path"
import { fileURLToPath } from "node:url"

const root = fileURLToPath(new URL("..", import.meta.url))

let seen = false
export default async (): Promise<void> => {
  if (seen) return
  seen = true
  const { isBuilt } = await import(join(root, "scripts/built.js"))
  if (!isBuilt(root)) execFileSync(process.execPath, [join(root, "scripts/build.js")], { stdio: "inherit" })
}
