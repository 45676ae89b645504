import { existsSync } from "node:fs"
import { mkdir, mkdtemp, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"
import sharp from "sharp"
import { expect } from "vitest"
import type { Code } from "../../src/compiler/codes/index.ts"
import type { Diagnostic } from "../../src/compiler/diagnostic.ts"
import { Failed } from "../../src/compiler/diagnostic.ts"
import type { Mask } from "../../src/runtime/data/raster.ts"

export const temporary = () => mkdtemp(join(tmpdir(), "hasam-data-"))

/** Real data lie beside the checkout where there are any; undefined elsewhere, and the reason is printed. */
export const shared = (name: string): string | undefined => {
  const path = fileURLToPath(new URL(`../../../shared/data/${name}`, import.meta.url))
  if (existsSync(path)) return path
  console.warn(`skipped: ${path} is not on this machine`)
  return undefined
}

type Format = "png" | "jpeg" | "tiff"

/** Grey values as a file of one channel and 8 bits. */
export const writeGrey = async (path: string, width: number, height: number, values: ArrayLike<number>) => {
  const format: Format = path.endsWith(".tif") ? "tiff" : path.endsWith(".jpg") ? "jpeg" : "png"
  const image = sharp(Buffer.from(Uint8Array.from(values)), { raw: { width, height, channels: 1 } }).toColourspace(
    "b-w",
  )
  await mkdir(dirname(path), { recursive: true })
  await writeFile(
    path,
    await (format === "tiff" ? image.tiff({ compression: "none" }) : image.toFormat(format)).toBuffer(),
  )
}

export const write = async (path: string, text: string | Uint8Array) => {
  await mkdir(dirname(path), { recursive: true })
  await writeFile(path, text)
}

/** A noisy image, different for each seed. */
export const scan = (width: number, height: number, seed = 1): Uint8Array =>
  Uint8Array.from({ length: width * height }, (_, i) => (i * (2 * seed + 1) * 7919 + seed * 31) % 251)

/** A filled rectangle. */
export const rectangle = (width: number, height: number, value = 255, [x0, y0, x1, y1] = [1, 1, 4, 3]): Uint8Array =>
  Uint8Array.from({ length: width * height }, (_, i) => {
    const [x, y] = [i % width, Math.floor(i / width)]
    return x >= x0! && x < x1! && y >= y0! && y < y1! ? value : 0
  })

export const maskOf = (rows: readonly string[]): Mask => ({
  width: rows[0]!.length,
  height: rows.length,
  data: Uint8Array.from(rows.join(""), (c) => (c === "#" ? 1 : 0)),
})

/** Folders images and masks of n good cases, 10 × 8 pixels. */
export const goodFolders = async (root: string, n = 4) => {
  for (let i = 0; i < n; i++) {
    await writeGrey(join(root, "images", `${i}.png`), 10, 8, scan(10, 8, i + 1))
    await writeGrey(join(root, "masks", `${i}.png`), 10, 8, rectangle(10, 8))
  }
}

/** The diagnostics of a failure; fails where nothing is thrown, or something else. */
export const diagnosticsOf = async (work: () => unknown): Promise<readonly Diagnostic[]> => {
  try {
    await work()
  } catch (error) {
    expect(error).toBeInstanceOf(Failed)
    return (error as Failed).diagnostics
  }
  throw new Error("nothing was wrong")
}

export const withCode = (diagnostics: readonly Diagnostic[], code: Code) =>
  diagnostics.filter((one) => one.code === code)
