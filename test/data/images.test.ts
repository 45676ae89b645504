import { readFile } from "node:fs/promises"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { isRight } from "fp-ts/lib/Either.js"
import { describe, expect, test } from "vitest"
import { readImage, readLabels, readSpacing } from "../../src/runtime/data/image.ts"
import { parseWindow } from "../../src/runtime/data/images/window.ts"
import { diagnosticsOf } from "./helpers.ts"

/** What files/make.py wrote with Pillow, tifffile, pydicom and nibabel, and what it says is in them. */
interface Entry {
  readonly file: string
  readonly window?: string
  readonly code?: string
  readonly says?: string
  readonly width?: number
  readonly height?: number
  readonly channels?: number
  readonly values?: readonly number[]
  readonly off?: number
  readonly labels?: readonly number[]
  readonly spacing?: { readonly x?: number; readonly y?: number }
}

const folder = fileURLToPath(new URL("files", import.meta.url))
const entries = JSON.parse(await readFile(join(folder, "cases.json"), "utf8")) as readonly Entry[]

const windowOf = (text: string | undefined) => {
  if (text === undefined) return {}
  const window = parseWindow(text)
  if (!isRight(window)) throw new Error(window.left)
  return { window: window.right }
}

describe("each format, type and content", () => {
  test.each(entries.map((entry) => [`${entry.file} ${entry.window ?? ""}`, entry] as const))("%s", async (_, entry) => {
    const path = join(folder, entry.file)
    const { code, says, values, labels, spacing, off = 0 } = entry
    if (code !== undefined) {
      const found = await diagnosticsOf(() => readImage(path, windowOf(entry.window)))
      expect(found).toMatchObject([{ code, file: path }])
      expect(found[0]!.message).toContain(says ?? "")
    }
    if (values !== undefined) {
      const image = await readImage(path, windowOf(entry.window))
      expect([image.width, image.height, image.channels]).toEqual([entry.width, entry.height, entry.channels])
      if (off === 0) expect([...image.data]).toEqual(values)
      else expect(Math.max(...image.data.map((v, i) => Math.abs(v - values[i]!)))).toBeLessThanOrEqual(off)
    }
    if (labels !== undefined) expect(Array.from((await readLabels(path)).values)).toEqual(labels.map(Number))
    if (spacing !== undefined) {
      const found = (await readSpacing(path)) ?? {}
      expect(Object.keys(found)).toEqual(Object.keys(spacing))
      for (const [axis, mm] of Object.entries(spacing)) expect(found[axis as "x"]).toBeCloseTo(mm, 6)
    }
  })
})
