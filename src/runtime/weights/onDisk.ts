/** A tensor that stays in its file: its values are read each time that they are asked for. */
import { closeSync, fstatSync, openSync, readSync } from "node:fs"
import { failed } from "../../compiler/diagnostic.ts"
import { sizeOf, type Tensor } from "../../compiler/ir/graph.ts"
import { reason } from "../files.ts"
import type { Unheld } from "./load.ts"
import type { StoredTensor } from "./stored.ts"

const changed = (path: string, why: string) =>
  failed(path, "HS4002", `the file cannot be read again: ${why}`, "Leave it as it is while a command runs.")

/** Node reads at most 2³¹ − 1 bytes at once. */
const most = 2 ** 28

/** Values as they stand in the file, in float32; undefined where they are stored otherwise. `data` throws HS4002 once the file is another. */
export const onDisk = (path: string, { dtype, packed, view, shape, at }: StoredTensor): Tensor | undefined => {
  if (dtype !== "F32" || packed !== undefined || view !== undefined) return undefined
  let first: string | undefined
  const read = (): Float32Array => {
    const file = openSync(path, "r")
    try {
      const { mtimeMs, size, ino } = fstatSync(file)
      const state = `${mtimeMs} ${size} ${ino}`
      first ??= state
      if (state !== first) throw changed(path, "it was written to")
      const data = new Float32Array(sizeOf(shape))
      const bytes = new Uint8Array(data.buffer)
      for (let done = 0; done < bytes.length; ) {
        const count = readSync(file, bytes, done, Math.min(most, bytes.length - done), at + done)
        if (count === 0) throw changed(path, "it ends earlier")
        done += count
      }
      return data
    } finally {
      closeSync(file)
    }
  }
  return {
    shape,
    get data() {
      try {
        return read()
      } catch (problem) {
        throw (problem as NodeJS.ErrnoException).syscall === undefined ? problem : changed(path, reason(problem))
      }
    },
  }
}

/** Of these names. */
export const leftOnDisk = (names: ReadonlySet<string> | undefined): Unheld | undefined =>
  names === undefined ? undefined : (name, path, stored) => (names.has(name) ? onDisk(path, stored) : undefined)
