/** node:zlib's gunzip, by the browser's own. */
import { Buffer } from "buffer"

type Told = (problem: Error | null, bytes?: Buffer) => void

/** Fails for what unpacks to more than `maxOutputLength` bytes, before it is all in memory. */
const unpacked = async (bytes: Uint8Array, most: number): Promise<Buffer> => {
  const parts: Uint8Array[] = []
  let size = 0
  const stream = new Blob([bytes as Uint8Array<ArrayBuffer>]).stream().pipeThrough(new DecompressionStream("gzip"))
  const reader = stream.getReader()
  for (let read = await reader.read(); !read.done; read = await reader.read()) {
    parts.push(read.value)
    size += read.value.length
    if (size > most) throw Object.assign(new Error("it unpacks to too much"), { code: "ERR_BUFFER_TOO_LARGE" })
  }
  return Buffer.concat(parts)
}
export const gunzip = (bytes: Uint8Array, options: { readonly maxOutputLength?: number } | Told, told?: Told): void => {
  const [most, tell] =
    typeof options === "function" ? [Number.POSITIVE_INFINITY, options] : [options.maxOutputLength ?? 2 ** 31, told]
  unpacked(bytes, most).then(
    (out) => tell?.(null, out),
    (problem: Error) => tell?.(problem),
  )
}
const absent = (name: string) => () => {
  throw new Error(`internal: ${name} in a page`)
}
export const gzip = absent("gzip")
export const inflateRawSync = absent("inflateRawSync")
export const deflateSync = absent("deflateSync")
export default { gunzip }
