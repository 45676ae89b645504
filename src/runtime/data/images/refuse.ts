/** What is not read is told by its name. */
import { Failed, failed } from "../../../compiler/diagnostic.ts"
import { readFormats } from "./format.ts"

export interface Refuse {
  /** HS4208: "a TIFF of 64-bit floating-point samples". */
  readonly format: (what: string) => Failed
  /** HS4210. */
  readonly frames: (format: string, n: number) => Failed
}

export const refuse = (path: string): Refuse => ({
  format: (what) =>
    failed(
      path,
      "HS4208",
      `the file is ${what}, which is not read`,
      `Read are ${readFormats}; save it as one of them, PNG where nothing else is needed.`,
    ),
  frames: (format, n) =>
    failed(
      path,
      "HS4210",
      `the ${format} holds ${n} images, and it is not said which is meant`,
      "Save each frame or slice that is to be segmented as a file of its own.",
    ),
})

/** HS4201, unless the cause has a code already. */
export const unreadable = (path: string, error: unknown): Failed =>
  error instanceof Failed
    ? error
    : failed(
        path,
        "HS4201",
        `the image cannot be read: ${why(error)}`,
        "The file may be cut off or damaged: copy it again, or leave it out.",
      )

const why = (error: unknown): string => {
  const [line = ""] = (error instanceof Error ? error.message : String(error)).split("\n")
  return line.replace(/^Input buffer/i, "the file").replace(/^Vips/, "")
}
