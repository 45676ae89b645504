/** esbuild's program, called without its JavaScript, which costs more than the bundle of a spec. */
import { execFile } from "node:child_process"
import { readFileSync } from "node:fs"
import { rm } from "node:fs/promises"
import { join } from "node:path"
import type { Metafile } from "esbuild"
import { program } from "./esbuild.ts"
import { temporaryFolder } from "./temporary.ts"

export interface Bundled {
  readonly code: string
  /** Sources in it are relative to `out`. */
  readonly map: string
  readonly out: string
  readonly meta: Metafile
}

/** The language from outside only: another of its entries is not known to a spec. */
const strange = ({ inputs }: Metafile): boolean =>
  Object.values(inputs).some(({ imports }) => imports.some(({ path, external }) => external && /^hasam./.test(path)))

/** A spec and what it imports, as one file of CommonJS; nothing where that fails, so that someone else can say why. */
export const bundled = async (entry: string): Promise<Bundled | undefined> => {
  const esbuild = program()
  if (esbuild === undefined) return undefined
  let out: string | undefined
  try {
    out = temporaryFolder("spec")
    const meta = join(out, "meta.json")
    const args = [entry, "--bundle", "--format=cjs", "--platform=node", "--target=node20", "--external:hasam"]
    const written = [
      `--outfile=${join(out, "spec.js")}`,
      "--sourcemap=external",
      "--sources-content=false",
      `--metafile=${meta}`,
    ]
    const ended = await new Promise<boolean>((done) =>
      execFile(esbuild, [...args, ...written, "--log-level=silent", "--tsconfig-raw={}"], (error) =>
        done(error === null),
      ),
    )
    if (!ended) return undefined
    const read = (name: string): string => readFileSync(join(out!, name), "utf8")
    const found: Metafile = JSON.parse(read("meta.json"))
    return strange(found) ? undefined : { code: read("spec.js"), map: read("spec.js.map"), out, meta: found }
  } catch {
    return undefined
  } finally {
    if (out !== undefined) void rm(out, { recursive: true, force: true })
  }
}
