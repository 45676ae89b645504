/** Files that a user gives: chosen, dropped or pasted, single ones and whole folders, with their paths. */
import type { DataFile } from "../../runtime/browser/index.ts"

export interface Given {
  /** The folder's name, or the first file's. */
  readonly name: string
  /** Paths below the folder. */
  readonly files: readonly DataFile[]
}

/** A folder's own name is no part of its files' paths. */
const below = (found: readonly DataFile[]): Given => {
  const first = found[0]?.path.split("/") ?? []
  const top = first[0] ?? "data"
  const inOne = first.length > 1 && found.every(({ path }) => path.startsWith(`${top}/`))
  return {
    name: top,
    files: inOne ? found.map(({ path, content }) => ({ path: path.slice(top.length + 1), content })) : found,
  }
}
/** What begins with a dot is the system's. */
const visible = ({ path }: DataFile): boolean => path.split("/").every((part) => !part.startsWith("."))

export const ofInput = (files: Iterable<File>): Given =>
  below([...files].map((file) => ({ path: file.webkitRelativePath || file.name, content: file })).filter(visible))

const entriesOf = (folder: FileSystemDirectoryEntry): Promise<readonly FileSystemEntry[]> => {
  const reader = folder.createReader()
  const all: FileSystemEntry[] = []
  // A browser gives a hundred at a time.
  const more = (): Promise<readonly FileSystemEntry[]> =>
    new Promise<FileSystemEntry[]>((resolve, reject) => reader.readEntries(resolve, reject)).then((some) => {
      all.push(...some)
      return some.length === 0 ? all : more()
    })
  return more()
}
const under = async (entry: FileSystemEntry): Promise<readonly DataFile[]> => {
  if (entry.isFile) {
    const content = await new Promise<File>((resolve, reject) => (entry as FileSystemFileEntry).file(resolve, reject))
    return [{ path: entry.fullPath.slice(1), content }]
  }
  const inside: DataFile[] = []
  for (const one of await entriesOf(entry as FileSystemDirectoryEntry)) inside.push(...(await under(one)))
  return inside
}

export const ofTransfer = async (data: DataTransfer | null): Promise<Given> => {
  // Entries are there only until the event is over.
  const entries = [...(data?.items ?? [])].flatMap((item) => item.webkitGetAsEntry?.() ?? [])
  const plain = [...(data?.files ?? [])]
  if (entries.length === 0) return ofInput(plain)
  const found: DataFile[] = []
  for (const entry of entries) found.push(...(await under(entry)))
  return below(found.filter(visible).sort((a, b) => (a.path < b.path ? -1 : 1)))
}

/** A file for the user to keep. */
export const give = (name: string, blob: Blob): void => {
  const link = Object.assign(document.createElement("a"), { href: URL.createObjectURL(blob), download: name })
  link.click()
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000)
}

/** Calls with what is dropped anywhere on the page; `over` says while something is held above it. */
export const onDrop = (over: (held: boolean) => void, take: (given: Given) => void): void => {
  for (const kind of ["dragover", "dragleave", "drop"] as const)
    document.addEventListener(kind, (event) => {
      event.preventDefault()
      over(kind === "dragover")
      if (kind === "drop") void ofTransfer(event.dataTransfer).then((given) => given.files.length > 0 && take(given))
    })
}
