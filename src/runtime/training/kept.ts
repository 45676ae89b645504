/** Outputs that a model keeps: where nothing before them learns, each image is run through that part once. */
import type { Backend, Executable } from "../../backends/backend.ts"
import type { Tensor, Tensors } from "../../compiler/ir/graph.ts"
import { standardSizes } from "../../compiler/passes/elaborate/index.ts"
import { inferenceProgram } from "../../compiler/passes/program.ts"
import type { ModelData } from "../../dsl/model.ts"
import { leastRecentlyUsed } from "../data/cache.ts"
import type { Sample } from "../data/reader.ts"

export interface KeptOutputs {
  (samples: readonly Sample[], feeds: Tensors): Promise<Tensors>
  dispose(): Promise<void>
}

const sizeOf = (tensors: Tensors): number => Object.values(tensors).reduce((n, { data }) => n + data.byteLength, 0)

/** One image of a batch. */
const oneOf = ({ shape, data }: Tensor, i: number, count: number): Tensor => {
  const size = data.length / count
  return { shape: [1, ...shape.slice(1)], data: data.slice(i * size, (i + 1) * size) }
}
const together = (parts: readonly Tensor[]): Tensor => {
  const data = new Float32Array(parts.reduce((n, part) => n + part.data.length, 0))
  let at = 0
  for (const part of parts) {
    data.set(part.data, at)
    at += part.data.length
  }
  return { shape: [parts.length, ...(parts[0]?.shape.slice(1) ?? [])], data }
}

/**
 * Kept by the image's content, so that augmented images have their own; up to `bytes` of them. `beside`: a program whose tensors are this
 * one's, if the engine shares.
 */
export const keptOutputs = async (
  backend: Backend,
  model: ModelData,
  weights: Tensors,
  names: readonly string[],
  beside?: Executable,
  bytes = 2 ** 30,
): Promise<KeptOutputs> => {
  const program = inferenceProgram(model, standardSizes(model, 1), { outputs: names })
  const images = Object.entries(model.takes).flatMap(([name, { kind }]) => (kind === "pixels" ? [name] : []))
  const executable = await backend.compile(program, beside)
  const own = executable.missing?.() ?? Object.keys(weights)
  await executable.load(Object.fromEntries(own.map((name) => [name, weights[name]!])))
  const known = leastRecentlyUsed<Tensors>(bytes)

  const keyOf = ({ case: { id } }: Sample, fed: Tensors): string => {
    let sum = 0
    for (const { data } of Object.values(fed))
      for (let i = 0; i < data.length; i += 7) sum = (Math.imul(sum, 31) + data[i]! * 64) | 0
    return `${id}|${sum}`
  }
  const one = async (sample: Sample, fed: Tensors): Promise<Tensors> => {
    const key = keyOf(sample, fed)
    const before = known.get(key)
    if (before !== undefined) return before
    const outputs = await executable.run(fed)
    known.set(key, outputs, sizeOf(outputs))
    return outputs
  }
  const keep = async (samples: readonly Sample[], feeds: Tensors): Promise<Tensors> => {
    const parts: Tensors[] = []
    for (const [i, sample] of samples.entries()) {
      const fed = Object.fromEntries(images.map((name) => [name, oneOf(feeds[name]!, i, samples.length)]))
      parts.push(await one(sample, fed))
    }
    return Object.fromEntries(names.map((name) => [name, together(parts.map((part) => part[name]!))]))
  }
  return Object.assign(keep, { dispose: () => executable.dispose() })
}
