/** Where nothing in the image encoder learns, each image is encoded once. */
import type { Backend } from "../../backends/backend.ts"
import type { Tensor, Tensors } from "../../compiler/ir/graph.ts"
import { inferenceProgram } from "../../compiler/passes/program.ts"
import type { ModelData } from "../../dsl/model.ts"
import { leastRecentlyUsed } from "../data/cache.ts"
import type { Sample } from "../data/reader.ts"
import { squareSizes } from "./feeds.ts"

export interface EmbeddingCache {
  (samples: readonly Sample[], feeds: Tensors): Promise<Tensor>
  dispose(): Promise<void>
}

/** Embeddings are kept by the image's content, so that augmented images have their own; up to `bytes` of them. */
export const embeddingCache = async (
  backend: Backend,
  model: ModelData,
  weights: Tensors,
  bytes = 2 ** 30,
): Promise<EmbeddingCache> => {
  const program = inferenceProgram(model, squareSizes(model, 1, "point"), { outputs: ["image_embedding"] })
  const executable = await backend.compile(program)
  await executable.load(weights)
  const known = leastRecentlyUsed<Tensor>(bytes)

  const keyOf = ({ case: { id } }: Sample, pixels: Float32Array): string => {
    let sum = 0
    for (let i = 0; i < pixels.length; i += 7) sum = (Math.imul(sum, 31) + pixels[i]! * 64) | 0
    return `${id}|${sum}`
  }
  const one = async (sample: Sample, image: Tensor): Promise<Tensor> => {
    const key = keyOf(sample, image.data)
    const before = known.get(key)
    if (before !== undefined) return before
    const { image_embedding } = await executable.run({ image })
    known.set(key, image_embedding!, image_embedding!.data.byteLength)
    return image_embedding!
  }
  const encode = async (samples: readonly Sample[], { image }: Tensors): Promise<Tensor> => {
    const size = image!.data.length / samples.length
    const parts: Tensor[] = []
    for (const [i, sample] of samples.entries())
      parts.push(
        await one(sample, { shape: [1, ...image!.shape.slice(1)], data: image!.data.slice(i * size, (i + 1) * size) }),
      )
    const data = new Float32Array(parts.reduce((n, part) => n + part.data.length, 0))
    parts.forEach((part, i) => data.set(part.data, i * part.data.length))
    return { shape: [samples.length, ...parts[0]!.shape.slice(1)], data }
  }
  return Object.assign(encode, { dispose: () => executable.dispose() })
}
