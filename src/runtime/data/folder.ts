/** Listing folders, in an order that is the same on every machine. */
import type { Dirent } from "node:fs"
import { readdir, stat } from "node:fs/promises"
import { extname, join } from "node:path"

import { failed } from "../../compiler/diagnostic.ts"
import { reason } from "../files.ts"
import { imageBytes } from "./images/bounds.ts"
import { formatOf, isPictureName } from "./images/format.ts"

export { spelled, stem } from "./images/format.ts"

/** By code units, not by a locale. */
export const byText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)

export interface Listing {
  readonly files: readonly string[]
  readonly folders: readonly string[]
}

/** What a link leads to; of one that leads nowhere, reading it says so. Neither pipes nor devices are anything to read. */
const kindAt = async (path: string, entry: Dirent): Promise<"file" | "folder" | undefined> => {
  if (entry.isDirectory()) return "folder"
  if (entry.isFile()) return "file"
  if (!entry.isSymbolicLink()) return undefined
  const there = await stat(path).catch(() => undefined)
  return there === undefined || there.isFile() ? "file" : there.isDirectory() ? "folder" : undefined
}

/** Names in a folder without those that begin with a dot; links are what they lead to. Throws HS4002. */
export const list = async (folder: string): Promise<Listing> => {
  const entries = await readdir(folder, { withFileTypes: true }).catch((error: unknown) => {
    throw failed(folder, "HS4002", `the folder cannot be read: ${reason(error)}`, "Check the path and its permissions.")
  })
  const visible = entries.filter(({ name }) => !name.startsWith(".")).sort((a, b) => byText(a.name, b.name))
  const kinds = await Promise.all(visible.map((entry) => kindAt(join(folder, entry.name), entry)))
  const named = (kind: "file" | "folder") => visible.flatMap(({ name }, i) => (kinds[i] === kind ? name : []))
  return { folders: named("folder"), files: named("file") }
}

/** Images by their names, and DICOM files, which often have no ending. */
export const images = async (folder: string): Promise<readonly string[]> => {
  const found: string[] = []
  for (const name of (await list(folder)).files)
    if (isPictureName(name) || (extname(name) === "" && (await isDicom(join(folder, name))))) found.push(name)
  return found
}

const isDicom = async (path: string): Promise<boolean> => formatOf(await imageBytes(path, 132), path) === "dicom"

/** Throws HS4002 where there is nothing. */
export const isFile = async (path: string): Promise<boolean> => {
  const found = await stat(path).catch((error: unknown) => {
    throw failed(path, "HS4002", `it cannot be read: ${reason(error)}`, "Check the path and its permissions.")
  })
  return found.isFile()
}
