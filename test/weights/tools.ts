import { mkdtemp, readFile, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { tensorTable } from "../../src/compiler/analysis/parameters.ts"
import { type Diagnostic, Failed } from "../../src/compiler/diagnostic.ts"
import { sizeOf, type Tensor, type Tensors } from "../../src/compiler/ir/graph.ts"
import type { ModelData } from "../../src/dsl/model.ts"
import { type Expected, withCheckpoint } from "../../src/runtime/weights/index.ts"

export const folder = () => mkdtemp(join(tmpdir(), "hasam-weights-"))
export const temporary = async (name: string, bytes: Uint8Array | string): Promise<string> => {
  const path = join(await folder(), name)
  await writeFile(path, bytes)
  return path
}

export const here = (name: string): string => fileURLToPath(new URL(`./files/${name}`, import.meta.url))
export const json = async (name: string): Promise<any> => JSON.parse(await readFile(here(name), "utf8"))

/** The diagnostics of what must fail. */
export const problems = async (work: Promise<unknown>): Promise<readonly Diagnostic[]> => {
  try {
    await work
  } catch (error) {
    if (error instanceof Failed) return error.diagnostics
    throw error
  }
  throw new Error("it was accepted")
}
export const codesOf = async (work: Promise<unknown>): Promise<readonly string[]> =>
  (await problems(work)).map(({ code }) => code)

/** All tensors of a file as float32. */
export const readAll = (path: string): Promise<Tensors> =>
  withCheckpoint(path, async ({ tensors, read }) => {
    const all: [string, Tensor][] = []
    for (const tensor of tensors) all.push([tensor.name, await read(tensor)])
    return Object.fromEntries(all)
  })

/** Reproducible noise in −1 … 1. */
export const noise = (shape: readonly number[], seed = 1): Tensor => {
  let state = seed
  const data = Float32Array.from({ length: sizeOf(shape) }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) | 0
    return state / 2 ** 31
  })
  return { shape, data }
}
export const randomOf = (expected: readonly Pick<Expected, "name" | "shape">[]): Tensors =>
  Object.fromEntries(expected.map(({ name, shape }, i) => [name, noise(shape, i + 1)]))

/** A safetensors file from a header and data. */
export const safetensors = (header: unknown, data: Uint8Array = new Uint8Array(0), length?: bigint): Uint8Array => {
  const json = new TextEncoder().encode(typeof header === "string" ? header : JSON.stringify(header))
  const head = new Uint8Array(8)
  new DataView(head.buffer).setBigUint64(0, length ?? BigInt(json.length), true)
  return Buffer.concat([head, json, data])
}

/** A pickle from text, whose characters are bytes. */
export const pickle = (...parts: readonly string[]): Uint8Array => Buffer.from(parts.join(""), "latin1")

/** What a model expects of a checkpoint, and what its spec initialises. */
export const expectedOf = (model: ModelData) => {
  const tensors = tensorTable(model).filter(({ persistent }) => persistent)
  const added = tensors.filter(({ adaptation }) => adaptation !== undefined)
  return {
    expected: tensors.map(({ name, shape, kind }): Expected => ({ name, shape, kind })),
    initialised: new Set(added.map(({ name }) => name)),
  }
}
