/**
 * A folder for temporary files of each test file's own. Type checks that found nothing are remembered while the names beside a spec's folder stay
 * the same (src/compiler/frontend/checked.ts): in one folder of all tests they never do, and each command would check the same spec again.
 */
import { mkdtempSync } from "node:fs"
import { join } from "node:path"

process.env["TMPDIR"] = mkdtempSync(join(process.env["HASAM_TESTS"]!, "file-"))
