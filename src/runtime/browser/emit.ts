/** A compiled model as a folder that any web server can serve. */
import { copyFile, readdir } from "node:fs/promises"
import { basename, join } from "node:path"
import { tensorTable } from "../../compiler/analysis/parameters.ts"
import { failed } from "../../compiler/diagnostic.ts"
import type { ModelData } from "../../dsl/model.ts"
import { modelWeights } from "../base.ts"
import { cannotWrite, writeAtomically } from "../files.ts"
import { save } from "../weights/save.ts"
import { modelText } from "./modelFile.ts"
import { wasmFiles } from "./wasm.ts"

export interface PageOptions {
  readonly folder: string
  /** The built page: dist/pages/segment. */
  readonly page: string
  /** A checkpoint. Left out: initial values, and the page says so. */
  readonly weights?: string
}

/**
 * Writes model.json, weights.safetensors, and the page with its engine. Gives their paths, and what was done to the weights as sentences.
 * Throws HS5311 for a model that a page cannot ask, HS2520 without tfjs's WebAssembly, and what reading weights and writing files throw.
 */
export const emitForBrowser = async (
  model: ModelData,
  { folder, page, weights }: PageOptions,
): Promise<{ readonly written: readonly string[]; readonly notes: readonly string[] }> => {
  const given = Object.entries(model.takes).find(([, { kind }]) => kind === "given")
  if (given !== undefined)
    throw failed(model.name, "HS5311", `'${given[0]}' is numbers that no image gives, and a page has only images`)
  // Found before anything is written: a folder without them would be half a page.
  const files = [...(await readdir(page)).map((file) => join(page, file)), ...wasmFiles()]
  const { tensors, notes } = await modelWeights(model, weights, 0)
  const stored = tensorTable(model).filter(
    ({ persistent, name }) => persistent && !name.endsWith(".num_batches_tracked"),
  )
  await writeAtomically(join(folder, "model.json"), modelText(model, weights === undefined ? "initial" : "given"))
  await save(
    join(folder, "weights.safetensors"),
    Object.fromEntries(stored.flatMap(({ name }) => (tensors[name] === undefined ? [] : [[name, tensors[name]]]))),
  )
  for (const file of files) {
    const path = join(folder, basename(file))
    await copyFile(file, path).catch((error: unknown) => {
      throw cannotWrite(path, error)
    })
  }
  return {
    written: ["model.json", "weights.safetensors", ...files.map((file) => basename(file))].map((name) =>
      join(folder, name),
    ),
    notes,
  }
}
