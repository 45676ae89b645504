/** The images that a user gave, in order, with what was done on each: one is looked at, the others wait. */

import type { DataFile } from "../../runtime/browser/index.ts"
import { isPictureName } from "../../runtime/data/images/format.ts"
import { type History, started } from "./state.ts"

export interface Album {
  readonly files: readonly DataFile[]
  readonly at: number
  /** By the file's place. */
  readonly histories: ReadonlyMap<number, History>
}
export const noAlbum: Album = { files: [], at: 0, histories: new Map() }

/** A single file is taken whatever its name; of several, the images. DICOM files often have no ending. */
export const albumOf = (given: readonly DataFile[]): Album => {
  const images = given.filter(({ path }) => isPictureName(path) || !/\.[^./]*$/.test(path))
  const files =
    given.length === 1 ? given : images.toSorted((a, b) => a.path.localeCompare(b.path, "en", { numeric: true }))
  return { files, at: 0, histories: new Map() }
}
export const historyAt = ({ histories, at }: Album): History => histories.get(at) ?? started
export const remembered = (album: Album, history: History): Album => ({
  ...album,
  histories: new Map([...album.histories, [album.at, history]]),
})
export const turned = (album: Album, by: number): Album => ({
  ...album,
  at: Math.min(album.files.length - 1, Math.max(0, album.at + by)),
})
