/** What is written and what it is made from stay apart: options and folders that would mix them, or change nothing. */
import { realpath } from "node:fs/promises"
import { dirname, resolve } from "node:path"
import { failed } from "../compiler/diagnostic.ts"
import type { ModelData } from "../dsl/model.ts"
import type { Case } from "./data/case.ts"
import { isFile } from "./data/folder.ts"
import { classesTaught } from "./task/index.ts"

const real = (path: string): Promise<string> => realpath(path).catch(() => resolve(path))

/** Results among the images or masks, or beside their table, would be taken for data, or replace them. Throws HS5002. */
export const demandApart = async (out: string, data: string, cases: readonly Case[]): Promise<void> => {
  const files = cases.flatMap(({ image, mask }) => [image, ...(mask.kind === "rle" ? [mask.file] : mask.paths)])
  const folders = await Promise.all(
    [...new Set([(await isFile(data)) ? dirname(data) : data, ...files.map(dirname)])].map(real),
  )
  if (folders.includes(await real(out)))
    throw failed("--out", "HS5002", `'${out}' is a folder of the data`, "Give a folder of its own.")
}

/** A file is not written over what it is made from. Throws HS5002. */
export const demandOther = async (name: string, out: string, from: readonly (string | undefined)[]): Promise<void> => {
  const sources = await Promise.all(from.flatMap((path) => (path === undefined ? [] : [real(path)])))
  if (sources.includes(await real(out)))
    throw failed(name, "HS5002", `'${out}' would be written over what it is made from`, "Give another file.")
}

/** A class is chosen where there is one foreground; a model of several takes each as it is. Throws HS5002. */
export const demandForeground = (model: ModelData, chosen: number | undefined): void => {
  const labels = classesTaught(model)
  if (chosen !== undefined && labels !== undefined && labels > 2)
    throw failed(
      "--class",
      "HS5002",
      `--class does nothing for a model of ${labels} classes: it is taught each of them`,
      "Leave --class out.",
    )
}
