/**
 * Executables on disk. A file is named by what it was compiled from and for; it begins with a checksum, so that a damaged one is compiled
 * again and never handed to a plugin. Any fault of the cache costs a compilation, no more.
 */
import { createHash } from "node:crypto"
import { readdirSync, readFileSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { makeFolderNow } from "../../compiler/folders.ts"

export interface Entry {
  readonly folder: string
  /** Bytes that the folder may hold. */
  readonly limit: number
  /** All that decides what comes out of compiling `text`. */
  readonly key: readonly string[]
  readonly text: Buffer
}
export interface Compiler<E> {
  compile(): E
  serialize(executable: E): Buffer
  deserialize(bytes: Buffer): E & { readonly outputs: number }
  /** Bytes of results that take their arguments' memory. Loading has lost that in some versions. */
  alias(executable: E): number
  destroy(executable: E): void
}
/** compiled: and kept where it could be; cache: read. A reason says why what was there could not be used. */
export type From = { readonly kind: "compiled" | "cache"; readonly reason?: string }

const magic = "hasam executable 1\n"
const digest = (...parts: readonly (string | Buffer)[]): string => {
  const hash = createHash("sha256")
  for (const part of parts) hash.update(`${part.length}:`).update(part)
  return hash.digest("hex")
}
export const fileOf = ({ folder, key, text }: Entry): string => join(folder, `${digest(...key, text)}.xla`)

/** magic, checksum, bytes of state in place, the executable. */
const pack = (bytes: Buffer, alias: number): Buffer => {
  const body = Buffer.concat([Buffer.from(`${alias}\n`), bytes])
  return Buffer.concat([Buffer.from(`${magic}${digest(body)}\n`), body])
}
const unpack = (file: Buffer): { readonly bytes: Buffer; readonly alias: number } => {
  const start = magic.length + 65
  const body = file.subarray(start)
  if (file.subarray(0, start).toString("latin1") !== `${magic}${digest(body)}\n`) throw new Error("it is damaged")
  const line = body.indexOf(10)
  return { bytes: body.subarray(line + 1), alias: Number(body.subarray(0, line).toString()) }
}

/** The least recently used go until the rest fits. */
const bound = (folder: string, limit: number): void => {
  const files = readdirSync(folder)
    .filter((name) => name.endsWith(".xla"))
    .map((name) => ({ path: join(folder, name), ...sizeAndTime(join(folder, name)) }))
    .toSorted((a, b) => b.time - a.time)
  let total = 0
  for (const { path, size } of files) {
    total += size
    if (total > limit) rmSync(path, { force: true })
  }
}
const sizeAndTime = (path: string): { readonly size: number; readonly time: number } => {
  const { size, mtimeMs } = statSync(path)
  return { size, time: mtimeMs }
}

const write = (entry: Entry, bytes: Buffer): void => {
  makeFolderNow(entry.folder)
  const path = fileOf(entry)
  const beside = `${path}.${process.pid}`
  try {
    writeFileSync(beside, bytes, { mode: 0o600 })
    renameSync(beside, path)
  } finally {
    rmSync(beside, { force: true })
  }
  bound(entry.folder, entry.limit)
}
const missing = (problem: unknown): boolean => (problem as NodeJS.ErrnoException).code === "ENOENT"
const said = (problem: unknown): string => (problem as Error).message.split("\n")[0]!

/** From the cache where it is there and whole, else compiled and kept. Throws what compiling throws. */
export const cached = <E>(
  entry: Entry | undefined,
  outputs: number,
  compiler: Compiler<E>,
): { readonly executable: E; readonly from: From } => {
  if (entry === undefined) return { executable: compiler.compile(), from: { kind: "compiled" } }
  const path = fileOf(entry)
  let reason: string | undefined
  try {
    const { bytes, alias } = unpack(readFileSync(path))
    const executable = compiler.deserialize(bytes)
    if (executable.outputs === outputs && compiler.alias(executable) === alias) {
      utimesSync(path, new Date(), new Date())
      return { executable, from: { kind: "cache" } }
    }
    compiler.destroy(executable)
    reason = "it does not keep state in place"
  } catch (problem) {
    if (!missing(problem)) reason = said(problem)
  }
  const executable = compiler.compile()
  try {
    write(entry, pack(compiler.serialize(executable), compiler.alias(executable)))
  } catch (problem) {
    reason ??= said(problem)
  }
  return { executable, from: { kind: "compiled", ...(reason === undefined ? {} : { reason }) } }
}
