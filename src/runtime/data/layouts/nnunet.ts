/**
 * nnU-Net's raw data: imagesTr/CASE_0000.png (or .nii.gz, .tif …) with labelsTr/CASE.png; imagesTs with labelsTs where there are labels. Classes are named
 * in dataset.json.
 */
import { basename, join } from "node:path"
import { aboutFile, type Diagnostic } from "../../../compiler/diagnostic.ts"
import { readBytes } from "../../files.ts"
import type { Case, Found, Layout, Part } from "../case.ts"
import { images, list, stem } from "../folder.ts"
import { maskWithoutImage, noMask } from "../pairing.ts"
import { joined } from "./pairs.ts"

const channel = /_(\d{4})$/

export const nnunet: Layout = async (root) => {
  const { folders, files } = await list(root)
  if (!folders.includes("imagesTr") || !folders.includes("labelsTr")) return undefined
  const training = await oneSet(join(root, "imagesTr"), join(root, "labelsTr"), undefined)
  const tested = folders.includes("imagesTs") && folders.includes("labelsTs")
  const test = tested ? [await oneSet(join(root, "imagesTs"), join(root, "labelsTs"), "test")] : []
  const untested = folders.includes("imagesTs") && !tested
  return {
    ...joined([training, ...test]),
    notes: [
      ...(untested ? ["imagesTs has no labelsTs beside it and is left out"] : []),
      ...(files.includes("dataset.json") ? await labelsOf(join(root, "dataset.json")) : []),
    ],
  }
}

const oneSet = async (imageFolder: string, labelFolder: string, part: Part | undefined): Promise<Found> => {
  const diagnostics: Diagnostic[] = []
  const channels = new Map<string, string[]>()
  for (const name of await images(imageFolder)) {
    const id = stem(name).replace(channel, "")
    channels.set(id, [...(channels.get(id) ?? []), name])
  }
  const labels = new Map((await images(labelFolder)).map((name) => [stem(name), join(labelFolder, name)]))
  const cases: Case[] = []
  for (const [id, files] of channels) {
    const image = join(imageFolder, files[0]!)
    const label = labels.get(id)
    labels.delete(id)
    if (files.length > 1)
      diagnostics.push(
        aboutFile(
          image,
          "HS4210",
          `the case ${id} has ${files.length} channels, each in a file of its own`,
          "Keep the file of the one that is to be segmented, or save colours in one file.",
        ),
      )
    else if (label === undefined) diagnostics.push(noMask(image))
    else
      cases.push({
        id: part === undefined ? id : `${part}/${id}`,
        image,
        mask: { kind: "files", paths: [label] },
        ...(part === undefined ? {} : { part }),
      })
  }
  return {
    cases,
    diagnostics: [
      ...diagnostics,
      ...[...labels.values()].map((path) => maskWithoutImage(path, `${stem(basename(path))}_0000`)),
    ],
  }
}

/** "classes in dataset.json: 1 nerve, 2 vessel" */
const labelsOf = async (file: string): Promise<readonly string[]> => {
  try {
    const { labels } = JSON.parse((await readBytes(file)).toString("utf8")) as { labels?: Record<string, unknown> }
    // Version 2 maps names to values, version 1 values to names.
    const named = Object.entries(labels ?? {}).map(([a, b]) => (typeof b === "number" ? `${b} ${a}` : `${a} ${b}`))
    const classes = named.filter((text) => !text.startsWith("0 "))
    return classes.length === 0 ? [] : [`classes in dataset.json: ${classes.join(", ")}`]
  } catch {
    return []
  }
}
