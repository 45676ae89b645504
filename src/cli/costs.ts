/**
 * What models cost, remembered. FLOPs and memory are a function of a model's plain data and of how it is trained; computing them takes a second
 * for SAM ViT-B, and looking them up a hundredth. What computes them is part of the key, so that another build finds nothing of this one's.
 */
import { createHash } from "node:crypto"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import type { CompileOptions } from "../compiler/compile.ts"
import { packageRoot } from "../compiler/frontend/package.ts"
import { memoryOf, remember } from "../compiler/remembered.ts"

type CostOf = NonNullable<CompileOptions["cost"]>["of"]

const kind = "costs"

/** The command's first file names all others by hashes of what is in them. Undefined from sources, where nothing is remembered. */
export const thisBuild = (from: string = import.meta.url): string | undefined => {
  if (from.endsWith(".ts")) return undefined
  try {
    return createHash("sha256")
      .update(readFileSync(join(packageRoot, "dist/cli/main.js")))
      .digest("hex")
  } catch {
    return undefined
  }
}

/**
 * Values as text that is the same for the same values, which V8's own serializer does not promise: it writes 8 as an integer or as a double, as the engine
 * happens to hold it. Throws where something is no plain data.
 */
const plain = (_: string, value: unknown): unknown => {
  if (typeof value === "number")
    return Number.isFinite(value) && !Object.is(value, -0)
      ? value
      : { number: Object.is(value, -0) ? "-0" : `${value}` }
  if (ArrayBuffer.isView(value))
    return {
      bytes: Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString("base64"),
      of: value.constructor.name,
    }
  const prototype = typeof value === "object" && value !== null ? Object.getPrototypeOf(value) : Object.prototype
  if (
    typeof value === "function" ||
    typeof value === "symbol" ||
    ![Object.prototype, Array.prototype, null].includes(prototype)
  )
    throw new TypeError("not plain data")
  return value
}

/** `settings` is what `of` depends on beside its arguments. What it throws is not remembered. */
export const remembered = (of: CostOf, settings: unknown, build = thisBuild()): CostOf => {
  if (build === undefined) return of
  return (model, tensors, training) => {
    // A training holds its model, whose costs are asked for anyway.
    const {
      model: _,
      at: __,
      ...how
    } = training as typeof training & { readonly model?: unknown; readonly at?: unknown }
    let file: string
    try {
      file = memoryOf(kind, JSON.stringify([build, settings, model, how], plain))
    } catch {
      // Not plain data: a model that was put together by hand.
      return of(model, tensors, training)
    }
    try {
      return JSON.parse(readFileSync(file, "utf8")) as ReturnType<CostOf>
    } catch {
      const cost = of(model, tensors, training)
      try {
        remember(kind, file, () => cost)
      } catch {
        // Nowhere to write: it is computed again the next time.
      }
      return cost
    }
  }
}
