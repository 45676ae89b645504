/** A compiled model as a folder that any web server can serve. */
import { copyFile, readdir, readFile } from "node:fs/promises"
import { basename, join } from "node:path"
import { learningNames, tensorTable } from "../../compiler/analysis/parameters.ts"
import { failed } from "../../compiler/diagnostic.ts"
import type { Tensors } from "../../compiler/ir/graph.ts"
import type { ModelData } from "../../dsl/model.ts"
import type { TrainingOptions } from "../../dsl/training.ts"
import { modelWeights } from "../base.ts"
import { readImage } from "../data/image.ts"
import { pngBytes } from "../data/images/pngWrite.ts"
import { phantom } from "../data/phantoms/phantom.ts"
import { cannotWrite, makeFolder, writeAtomically } from "../files.ts"
import { halvesOf } from "../weights/half.ts"
import type { Outgoing } from "../weights/safetensors.ts"
import { writeStored } from "../weights/save.ts"
import { bundled } from "./bundle.ts"
import { modelText } from "./modelFile.ts"
import { wasmFiles } from "./wasm.ts"

export interface PageOptions {
  readonly folder: string
  /** The built pages: dist/pages. */
  readonly pages: string
  /** Of hasam. */
  readonly version: string
  readonly training: TrainingOptions
  /** A checkpoint. Left out: initial values, and the page says so. */
  readonly weights?: string
  /** Matrices and kernels in 16 bits: half the file. */
  readonly half?: boolean
  /** An image for the button "Example". Left out: a phantom. */
  readonly example?: string
}

const outgoing = (tensors: Tensors, half: boolean): readonly Outgoing[] =>
  Object.entries(tensors).map(([name, { shape, data }]) => {
    const small = half && shape.length > 1 ? halvesOf(data) : undefined
    const stored = small ?? data
    return {
      name,
      dtype: small === undefined ? "F32" : "F16",
      shape,
      bytes: () => new Uint8Array(stored.buffer, stored.byteOffset, stored.byteLength),
    }
  })

/** As PNG: grey, or its bytes where the browser shows it as it is. */
const exampleOf = async (file: string | undefined): Promise<Uint8Array> => {
  if (file === undefined) {
    const { image } = phantom({ width: 512, seed: 7, subject: 1, index: 1 })
    return pngBytes(image, image.data)
  }
  const image = await readImage(file)
  if (image.channels === 1) return pngBytes(image, image.data)
  const { default: sharp } = await import("sharp")
  const { width, height, channels } = image
  return sharp(image.data, { raw: { width, height, channels } }).png().toBuffer()
}

/**
 * Writes model.json, weights.safetensors, an example, the pages and their engine. Gives their paths, and what was done to the weights as sentences.
 * Throws HS5311 for a model that a page cannot ask, HS2520 without tfjs, and what reading weights and images and writing files throw.
 */
export const emitForBrowser = async (
  model: ModelData,
  { folder, pages, version, training, weights, half = false, example }: PageOptions,
): Promise<{ readonly written: readonly string[]; readonly notes: readonly string[] }> => {
  const given = Object.entries(model.takes).find(([, { kind }]) => kind === "given")
  if (given !== undefined)
    throw failed(model.name, "HS5311", `'${given[0]}' is numbers that no image gives, and a page has only images`)
  // Found before anything is written: a folder without them would be half a page.
  const wasm = wasmFiles()
  const worker = await bundled(join(pages, "worker.js"))
  const picture = await exampleOf(example)
  const { tensors, notes } = await modelWeights(model, weights, 0)
  const stored = tensorTable(model).filter(
    ({ persistent, name }) => persistent && !name.endsWith(".num_batches_tracked"),
  )
  const trains = learningNames(model).length > 0 && Object.keys(model.teaches).length > 0
  const built = (await readdir(pages)).filter(
    (name) => name !== "worker.js" && name !== "offline.js" && (trains || !name.startsWith("train.")),
  )
  const names = [
    "model.json",
    "weights.safetensors",
    "example.png",
    "worker.js",
    ...built,
    ...wasm.map((f) => basename(f)),
  ]
  const text = modelText(model, {
    weights: weights === undefined ? "initial" : "given",
    version,
    ...(trains ? { training } : {}),
  })

  await makeFolder(folder)
  await writeAtomically(join(folder, "model.json"), text)
  const own = stored.flatMap(({ name }) => (tensors[name] === undefined ? [] : [[name, tensors[name]] as const]))
  await writeStored(join(folder, "weights.safetensors"), outgoing(Object.fromEntries(own), half))
  await writeAtomically(join(folder, "example.png"), picture)
  await writeAtomically(join(folder, "worker.js"), worker)
  for (const file of [...built.map((name) => join(pages, name)), ...wasm]) {
    const path = join(folder, basename(file))
    await copyFile(file, path).catch((error: unknown) => {
      throw cannotWrite(path, error)
    })
  }
  await writeAtomically(join(folder, "offline.js"), await offlineFor(join(pages, "offline.js"), names))
  return { written: [...names, "offline.js"].map((name) => join(folder, name)), notes }
}

/** The service worker, with the files that it keeps. */
const offlineFor = async (script: string, names: readonly string[]): Promise<string> => {
  const list = JSON.stringify(["./", ...names])
  return (await readFile(script, "utf8")).replace(/["'`]__FILES__["'`]/, JSON.stringify(list))
}
