/** Memory is bounded before an image is decoded: a file of some kilobytes can say that it holds gigabytes. */
import { open } from "node:fs/promises"
import { failed } from "../../../compiler/diagnostic.ts"
import { reason } from "../../files.ts"

/** 2²⁵, 5,792 × 5,792: twenty times an ultrasound image, and at most 200 MB once decoded. */
export const mostPixels = 2 ** 25
/** Of a file, compressed or not. */
export const mostBytes = 2 ** 29

/** Throws HS4211 for an image that is larger than any that is meant. */
export const demandPixels = (path: string, width: number, height: number): void => {
  if (width * height <= mostPixels) return
  throw failed(
    path,
    "HS4211",
    `the image has ${width} × ${height} pixels, and ${mostPixels.toLocaleString("en-US")} in all are the most that is read`,
    "Cut out or shrink what is to be segmented; a model sees the longer side at its own image size anyway.",
  )
}

/** A file's bytes, or its first `most` ones. Throws HS4002, and HS4211 for a file too large to be an image. */
export const imageBytes = async (path: string, most?: number): Promise<Buffer> => {
  try {
    const file = await open(path, "r")
    try {
      const { size } = await file.stat()
      if (most === undefined) {
        if (size > mostBytes) throw tooLarge(path, size)
        return await file.readFile()
      }
      const bytes = Buffer.alloc(Math.min(most, size))
      const { bytesRead } = await file.read(bytes, 0, bytes.length, 0)
      return bytes.subarray(0, bytesRead)
    } finally {
      await file.close()
    }
  } catch (error) {
    if (error instanceof Error && error.name === "Failed") throw error
    throw failed(path, "HS4002", `the file cannot be read: ${reason(error)}`, "Check the path and its permissions.")
  }
}

export const tooLarge = (path: string, bytes: number) =>
  failed(
    path,
    "HS4211",
    `the file has ${(bytes / 2 ** 20).toFixed(0)} MiB, and ${mostBytes / 2 ** 20} are the most that is read of an image`,
    "Save single images; a video or a volume is not read.",
  )
