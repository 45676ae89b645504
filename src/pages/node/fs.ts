/**
 * The part of node:fs/promises that reading data, training and checkpoints use, over files in the browser: what lies under /kept stays on this machine
 * over a reload, all else is gone with the worker. So a page checks data, trains and goes on by the code of the commands.
 */
import { Buffer } from "buffer"
import { type Database, openDatabase } from "./database.ts"
import { dirname, resolve } from "./path.ts"

type Content = Blob | Uint8Array
/** undefined: it lies in the database. */
const files = new Map<string, Content | undefined>()
const folders = new Set<string>(["/"])
const kept = (path: string): boolean => path.startsWith("/kept/") && !path.endsWith(".part")

let opened: Promise<Database | undefined> | undefined
const addFolders = (path: string): void => {
  for (let up = dirname(path); !folders.has(up); up = dirname(up)) folders.add(up)
}
const start = async (): Promise<Database | undefined> => {
  const database = await openDatabase()
  for (const path of (await database?.paths()) ?? []) {
    files.set(path, undefined)
    addFolders(path)
  }
  return database
}
const database = (): Promise<Database | undefined> => {
  opened ??= start()
  return opened
}
/** What other tabs have kept or deleted since. */
const refresh = async (at: string): Promise<void> => {
  const base = await database()
  if (base === undefined || !`${at}/`.startsWith("/kept/")) return
  const now = new Set(await base.paths())
  for (const path of [...files.keys()]) if (kept(path) && !now.has(path)) files.delete(path)
  for (const path of now) {
    files.set(path, undefined)
    addFolders(path)
  }
}

class SystemError extends Error {
  readonly code: string
  constructor(code: string, path: string) {
    super(`${code}: ${path}`)
    this.code = code
  }
}
const asSystemError = (path: string) => (problem: unknown) => {
  throw problem instanceof DOMException && problem.name === "QuotaExceededError"
    ? new SystemError("ENOSPC", path)
    : problem
}

const change = async (changes: ReadonlyMap<string, Content | undefined>): Promise<void> => {
  const base = await database()
  const lasting = new Map([...changes].filter(([path]) => kept(path)))
  if (base !== undefined && lasting.size > 0)
    await base.change(lasting).catch(asSystemError([...lasting.keys()][0] ?? ""))
  for (const [path, content] of changes) {
    if (content === undefined) files.delete(path)
    else files.set(path, base !== undefined && kept(path) ? undefined : content)
    if (content !== undefined) addFolders(path)
  }
}

const contentOf = async (path: string): Promise<Content> => {
  const base = await database()
  if (!files.has(path) && !kept(path)) throw new SystemError(folders.has(path) ? "EISDIR" : "ENOENT", path)
  const content = files.get(path) ?? (await base?.get(path))
  if (content === undefined) throw new SystemError(folders.has(path) ? "EISDIR" : "ENOENT", path)
  return content
}
const sizeOf = (content: Content): number => (content instanceof Blob ? content.size : content.byteLength)
const bytesOf = async (content: Content, from = 0, to = sizeOf(content)): Promise<Buffer> =>
  content instanceof Blob
    ? Buffer.from(await content.slice(from, to).arrayBuffer())
    : Buffer.from(content.buffer, content.byteOffset + from, Math.max(0, Math.min(to, content.byteLength) - from))

type Data = string | Content | Iterable<Uint8Array> | AsyncIterable<Uint8Array>
const gathered = async (data: Data): Promise<Content> => {
  if (typeof data === "string") return new TextEncoder().encode(data)
  if (data instanceof Blob) return data
  if (data instanceof Uint8Array) return data.slice()
  const parts: Uint8Array[] = []
  for await (const part of data) parts.push(part.slice())
  return Buffer.concat(parts)
}

export const writeFile = async (path: string, data: Data): Promise<void> =>
  change(new Map([[resolve(path), await gathered(data)]]))
export const readFile = async (path: string, encoding?: string): Promise<Buffer | string> => {
  const bytes = await bytesOf(await contentOf(resolve(path)))
  return encoding === undefined ? bytes : bytes.toString("utf8")
}
export const appendFile = async (path: string, text: string): Promise<void> => {
  const before = await readFile(path, "utf8").catch(() => "")
  await writeFile(path, `${before}${text}`)
}
export const access = async (path: string): Promise<void> => {
  await stat(path)
}
export const stat = async (path: string) => {
  await database()
  const at = resolve(path)
  if (folders.has(at)) return { size: 0, mtimeMs: 0, isFile: () => false, isDirectory: () => true }
  const size = sizeOf(await contentOf(at))
  return { size, mtimeMs: 0, isFile: () => true, isDirectory: () => false }
}
export const mkdir = async (path: string, _options?: unknown): Promise<void> => {
  await database()
  const at = resolve(path)
  addFolders(at)
  folders.add(at)
}
export const rename = async (from: string, to: string): Promise<void> => {
  const [a, b] = [resolve(from), resolve(to)]
  const content = await contentOf(a)
  await change(
    new Map([
      [a, undefined],
      [b, content],
    ]),
  )
}
/** A file, or a folder with all that is in it. */
export const rm = async (path: string, _options?: unknown): Promise<void> => {
  const at = resolve(path)
  await refresh(at)
  const gone = [...files.keys()].filter((one) => one === at || one.startsWith(`${at}/`))
  await change(new Map(gone.map((one) => [one, undefined])))
  for (const folder of [...folders]) if (folder === at || folder.startsWith(`${at}/`)) folders.delete(folder)
}
export const rmdir = rm
export const unlink = rm

const entry = (name: string, folder: boolean) => ({ name, isFile: () => !folder, isDirectory: () => folder })
export const readdir = async (
  path: string,
  options?: { readonly withFileTypes?: boolean },
): Promise<readonly (string | ReturnType<typeof entry>)[]> => {
  const at = resolve(path)
  await refresh(at)
  if (!folders.has(at)) throw new SystemError(files.has(at) ? "ENOTDIR" : "ENOENT", at)
  const within = (one: string) => one !== at && dirname(one) === at
  const nameOf = (one: string) => one.slice(at === "/" ? 1 : at.length + 1)
  const names = [
    ...[...folders].filter(within).map((one) => entry(nameOf(one), true)),
    ...[...files.keys()].filter(within).map((one) => entry(nameOf(one), false)),
  ]
  return options?.withFileTypes ? names : names.map(({ name }) => name)
}

/** A handle that reads, or one that writes all at once. */
export const open = async (path: string, flags = "r") => {
  const at = resolve(path)
  const content = flags === "r" ? await contentOf(at) : undefined
  return {
    stat: async () => ({ size: content === undefined ? 0 : sizeOf(content), isFile: () => true }),
    readFile: () => bytesOf(content ?? new Uint8Array(0)),
    read: async (target: Uint8Array, offset: number, length: number, position: number) => {
      const bytes = await bytesOf(content ?? new Uint8Array(0), position, position + length)
      target.set(bytes, offset)
      return { bytesRead: bytes.length }
    },
    writeFile: (data: Data) => writeFile(at, data),
    sync: async () => undefined,
    close: async () => undefined,
  }
}

const absent = (name: string) => () => {
  throw new Error(`internal: ${name} in a page`)
}
export const readFileSync = absent("readFileSync")
export const existsSync = (path: string): boolean => files.has(resolve(path)) || folders.has(resolve(path))
export const copyFile = absent("copyFile")
export const link = absent("link")
export const lstat = absent("lstat")
export const utimes = absent("utimes")
export const mkdtemp = absent("mkdtemp")
export default { readFileSync, existsSync }
export const mkdirSync = absent("mkdirSync")
export const statSync = absent("statSync")
