/** Before any test: dist is built from src as it stands, so that no test runs a stale one. */
import { execFileSync } from "node:child_process"
import { fileURLToPath } from "node:url"

export default (): void => {
  execFileSync(process.execPath, [fileURLToPath(new URL("../scripts/build.js", import.meta.url))], { stdio: "inherit" })
}
