/** The images that were named: files, and all that lie in folders, in an order that is the same everywhere. */
import { realpath } from "node:fs/promises"
import { basename, extname, join, relative, resolve } from "node:path"
import { failed } from "../../compiler/diagnostic.ts"
import { byText, images, isFile, list, stem } from "../data/folder.ts"
import { folders } from "./outputs.ts"

export interface Named {
  readonly path: string
  /** One of its kind: what its mask is called, folders with / between and without the ending. */
  readonly name: string
}

/** Throws HS4002 for what is not there, HS4102 where there is no image. What was written to `out` are no images, where it lies among them. */
export const imagesOf = async (paths: readonly string[], out?: string): Promise<readonly Named[]> => {
  const found: Named[] = []
  const written = new Set(out === undefined ? [] : folders.map((folder) => resolve(out, folder)))
  for (const path of paths) {
    if (await isFile(path)) found.push({ path, name: stem(basename(path)) })
    else
      for (const file of await below(path, written))
        found.push({ path: file, name: stem(relative(path, file).replaceAll("\\", "/")) })
  }
  if (found.length === 0)
    throw failed(paths[0] ?? "", "HS4102", "there are no images", "Name images, or folders of them.")
  const paired = new Map<string, Named[]>()
  for (const one of found) paired.set(one.name, [...(paired.get(one.name) ?? []), one])
  // Of images that differ in their ending or folder only, the ending or a number tells which mask is whose.
  return [...paired.values()]
    .flatMap((group) =>
      group.length === 1
        ? group
        : group.map(({ path, name }, i) => {
            const ending = extname(path).slice(1)
            const alone = group.filter((one) => extname(one.path) === extname(path)).length === 1
            return { path, name: alone ? `${name}.${ending}` : `${name}.${i + 1}` }
          }),
    )
    .sort((a, b) => byText(a.name, b.name))
}

/** `above`: the folders that this one lies in, as they are called without links, which may lead back to them. */
const below = async (
  folder: string,
  without: ReadonlySet<string>,
  above: readonly string[] = [],
): Promise<readonly string[]> => {
  const here = await realpath(folder).catch(() => resolve(folder))
  if (above.includes(here)) return []
  const inside = (await list(folder)).folders.map((name) => join(folder, name))
  const deeper = await Promise.all(
    inside.filter((one) => !without.has(resolve(one))).map((one) => below(one, without, [...above, here])),
  )
  return [...(await images(folder)).map((name) => join(folder, name)), ...deeper.flat()]
}

/** Every nth image, from the ith of n jobs on. */
export const partOf = <A>(all: readonly A[], { i, n }: { readonly i: number; readonly n: number }): readonly A[] =>
  all.filter((_, k) => k % n === i - 1)
