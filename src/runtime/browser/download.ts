/** Bytes of a file beside the page, and how much of it has come. */
import { failed } from "../../compiler/diagnostic.ts"

/** Throws HS4002. */
export const download = async (url: string, told: (share: number) => void = () => undefined): Promise<Blob> => {
  const no = (why: string) =>
    failed(
      url,
      "HS4002",
      `${new URL(url).pathname.split("/").at(-1)} cannot be read: ${why}`,
      "It belongs beside the page.",
    )
  const response = await fetch(url).catch((problem: Error) => {
    throw no(problem.message)
  })
  if (!response.ok || response.body === null) throw no(`${response.status} ${response.statusText}`)
  const whole = Number(response.headers.get("content-length") ?? 0)
  const parts: Uint8Array<ArrayBuffer>[] = []
  let size = 0
  const reader = response.body.getReader()
  for (let read = await reader.read(); !read.done; read = await reader.read()) {
    parts.push(read.value as Uint8Array<ArrayBuffer>)
    size += read.value.length
    if (whole > 0) told(Math.min(1, size / whole))
  }
  return new Blob(parts)
}
