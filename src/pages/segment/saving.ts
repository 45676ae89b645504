/** The buttons that take masks, an overlay and a table home, and the one that keeps an image and its mask to train on. */
import { stem } from "../../runtime/data/images/format.ts"
import { union } from "../../runtime/data/raster.ts"
import type { Read } from "../messages.ts"
import { give } from "../shared/files.ts"
import { page } from "./elements.ts"
import type { Found } from "./regions.ts"
import { overlayOf, pngOf, tableOf } from "./save.ts"

interface Opened {
  readonly picture: Read
  readonly image: OffscreenCanvas
  readonly masks: OffscreenCanvas | undefined
  readonly found: readonly Found[]
}

/** A name with the folder in it, and with an ending: DICOM files often have none. */
export const nameToKeep = (path: string, format: string): string =>
  /\.[^./]+$/.test(path) ? path : `${path}.${format === "DICOM" ? "dcm" : format.toLowerCase()}`

export const saveButtons = ({
  opened,
  keep,
}: {
  readonly opened: () => Opened | undefined
  readonly keep: (mask: Blob) => void
}): void => {
  const on = (button: HTMLButtonElement, act: (of: Opened, name: string) => void | Promise<void>) => {
    button.onclick = () => {
      const of = opened()
      if (of !== undefined) void act(of, stem(of.picture.name))
    }
  }
  on(page.masks, async ({ found }, name) => {
    for (const [i, { mask, ofClasses }] of found.entries())
      if (mask !== undefined) give(`${name}_mask${ofClasses ? "" : `_${i + 1}`}.png`, await pngOf(mask, ofClasses))
  })
  on(page.overlay, async ({ image, masks }, name) => give(`${name}_overlay.png`, await overlayOf(image, masks)))
  on(page.table, ({ picture, found }, name) => {
    const text = tableOf(picture.name, picture.raster, found, picture.spacing)
    give(`${name}.csv`, new Blob([text], { type: "text/csv" }))
  })
  on(page.keep, async ({ found }) => {
    const ofClasses = found.some((one) => one.ofClasses)
    // All objects are one mask, as data sets have them; classes are one already.
    const [first, ...others] = found.flatMap(({ mask }) => mask ?? [])
    if (first !== undefined) keep(await pngOf(union([first, ...others]), ofClasses))
  })
}
