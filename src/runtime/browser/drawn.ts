/** Images whose masks a person drew or corrected, one by one: kept in this browser as a data set that grows, until they are trained on or deleted. */
import { readdir, readFile, rm, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { stem } from "../data/images/format.ts"
import type { DataFile } from "./trainer.ts"

export interface Drawn {
  /**
   * Keeps an image's file with its mask, a PNG of the image's size: an object not black, of classes their numbers. What is kept under the same name goes.
   * Gives how many are kept now.
   */
  keep(name: string, image: Blob, mask: Blob): Promise<number>
  count(): Promise<number>
  /** As `Trainer.give` takes them. */
  files(): Promise<readonly DataFile[]>
  forget(): Promise<void>
}

export const drawnIn = (root: string): Drawn => {
  const [images, masks] = [join(root, "images"), join(root, "masks")]
  const names = async (folder: string): Promise<readonly string[]> => readdir(folder).catch(() => [])
  const count = async (): Promise<number> => (await names(masks)).length
  return {
    keep: async (name, image, mask) => {
      const plain = name.replaceAll("/", "_")
      // Of two endings the later: a mask belongs to all images of its stem.
      for (const other of await names(images)) if (stem(other) === stem(plain)) await rm(join(images, other))
      await writeFile(join(images, plain), image as unknown as Uint8Array)
      await writeFile(join(masks, `${stem(plain)}.png`), mask as unknown as Uint8Array)
      return count()
    },
    count,
    files: async () => {
      const found: DataFile[] = []
      for (const [folder, called] of [
        [images, "images"],
        [masks, "masks"],
      ] as const)
        for (const name of await names(folder))
          found.push({
            path: `${called}/${name}`,
            content: new Blob([new Uint8Array(await readFile(join(folder, name)))]),
          })
      return found
    },
    forget: () => rm(root, { recursive: true, force: true }),
  }
}
