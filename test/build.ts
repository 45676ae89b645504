/** Before any test: dist is built from src as it stands, so that no test runs a stale one. Once, whatever asks for it. */
import { execFileSync } from "node:child_process"
import { fileURLToPath } from "node:url"

let built = false
export default (): void => {
  if (built) return
  built = true
  execFileSync(process.execPath, [fileURLToPath(new URL("../scripts/build.js", import.meta.url))], { stdio: "inherit" })
}
