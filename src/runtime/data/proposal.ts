/** The table that would do, from what lies in a folder: the end of a report that found something to be said. */
import { basename, relative } from "node:path"
import type { Case, MaskSource } from "./case.ts"
import { csvText } from "./csv.ts"
import { images, list, stem } from "./folder.ts"
import { namesMask } from "./pairing.ts"

const rows = 3
/** Folders looked into, and how deep. */
const most = 200
const deepest = 4

const ofMasks = /(^|[/\\_ -])(masks?|labels?|labelstr|segmentations?|seg|annotations?|gt)([/\\]|$)/i

/** Lines of a csv beside the data: image, mask, subject, spacing. */
export const proposedTable = async (root: string, cases: readonly Case[]): Promise<string> => {
  const near = (path: string) => relative(root, path).replaceAll("\\", "/")
  const pathsOf = (mask: MaskSource) => (mask.kind === "files" ? mask.paths.map(near).join(";") : "")
  const known = cases.filter(({ mask }) => mask.kind === "files").slice(0, rows)
  const lines =
    known.length > 0
      ? known.map(({ image, mask, subject, spacing }, i) => [
          near(image),
          pathsOf(mask),
          subject ?? `P0${i + 1}`,
          spacing?.x ?? "",
        ])
      : await guessed(root)
  return csvText(["image", "mask", "subject", "spacing"], lines)
}

const numberIn = (path: string): string | undefined =>
  /(\d+)\D*$/.exec(stem(basename(path)))?.[1]?.replace(/^0+(?=\d)/, "")
/** img_7 and mask_07: the mask with the image's number, where there is one. */
const byNumber = (masks: readonly string[], image: string): string | undefined => {
  const number = numberIn(image)
  const found = number === undefined ? [] : masks.filter((mask) => numberIn(mask) === number)
  return found.length === 1 ? found[0] : undefined
}

/** Images anywhere below, each with the mask whose name fits best. */
const guessed = async (root: string): Promise<readonly (readonly (string | number)[])[]> => {
  const found: string[] = []
  const folders: (readonly [path: string, depth: number])[] = [["", 0]]
  for (let i = 0; i < folders.length && i < most; i++) {
    const [path, depth] = folders[i]!
    const at = path === "" ? root : `${root}/${path}`
    const inside = (name: string) => (path === "" ? name : `${path}/${name}`)
    for (const name of await images(at).catch(() => [])) found.push(inside(name))
    if (depth < deepest)
      for (const name of await list(at).then(
        ({ folders }) => folders,
        () => [],
      ))
        folders.push([inside(name), depth + 1])
  }
  const isMask = (path: string) => namesMask(basename(path)) || ofMasks.test(path.slice(0, -basename(path).length))
  const masks = found.filter(isMask)
  const maskOf = (image: string) =>
    masks.find((mask) => stem(basename(mask)) === stem(basename(image))) ??
    masks.find((mask) => basename(mask).startsWith(stem(basename(image)))) ??
    byNumber(masks, image)
  const pairs = found
    .filter((path) => !isMask(path))
    .map((image) => [image, maskOf(image) ?? `masks/${stem(basename(image))}.png`] as const)
  const some = pairs.length > 0 ? pairs : [["images/1.png", "masks/1.png"] as const]
  return some.slice(0, rows).map(([image, mask], i) => [image, mask, `P0${i + 1}`, ""])
}
