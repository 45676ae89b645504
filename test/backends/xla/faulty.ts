/** The plugin that fails where it is told to (faulty.c), built where there is a C compiler. */
import { spawnSync } from "node:child_process"
import { mkdtempSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"

const built = (): string | undefined => {
  const library = join(mkdtempSync(join(tmpdir(), "hasam-faulty-")), "faulty.so")
  const source = fileURLToPath(new URL("./faulty.c", import.meta.url))
  const { status } = spawnSync("cc", ["-shared", "-fPIC", "-O1", "-o", library, source, "-ldl"])
  return status === 0 ? library : undefined
}
/** Its path; undefined where there is no C compiler. */
export const faulty = built()
if (faulty === undefined) console.warn("skipped: no C compiler (cc), by which a plugin that fails is built")
