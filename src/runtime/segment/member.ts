/**
 * One run's model as it is asked: what it keeps of an image is computed once, then each question of that. Points, boxes and masks go together as the network
 * takes them.
 */
import type { Backend, Executable } from "../../backends/backend.ts"
import { type Program, sizeOf, type Tensor, type Tensors } from "../../compiler/ir/graph.ts"
import { standardSizes } from "../../compiler/passes/elaborate/index.ts"
import { inferenceProgram } from "../../compiler/passes/program.ts"
import type { ModelData } from "../../dsl/model.ts"
import { promptingOf } from "../../dsl/task.ts"
import { scalePoint } from "../data/point.ts"
import { answerOf, pixelsOf, taughtOf } from "../task/index.ts"
import { maskFed } from "../task/maskPrompt.ts"
import { type Fitted, pixelFeed, type Size } from "../task/pixels.ts"
import { type Asked, kindsOf } from "./prompts.ts"

export interface Member {
  readonly model: ModelData
  readonly weights: Tensors
  /** An engine of its own: of a run whose weights are kept in fewer bits. */
  readonly engine?: Backend
}

/** One image's part of what a batch gave; copied, since an engine may write there again. */
const rowOf = ({ shape, data }: Tensor, i: number, batch: number): Tensor => {
  const size = data.length / batch
  return { shape: [shape[0]! / batch, ...shape.slice(1)], data: data.slice(i * size, (i + 1) * size) }
}

const inputsOf = ({ graph }: Program): ReadonlySet<string> =>
  new Set(graph.nodes.flatMap((node) => (node.op === "input" ? [node.attrs.name] : [])))

/** One run's programs, compiled when they are first needed: for its kept outputs, and for each number of points. */
export const member = (backend: Backend, { model, weights }: Member) => {
  const [output, taught] = taughtOf(model)
  const pixels = pixelsOf(model)
  const keeps = promptingOf(model.takes).length > 0 ? model.keeps : []
  const compiled = new Map<string, Promise<{ executable: Executable; inputs: ReadonlySet<string> }>>()
  const load = async (program: Program) => {
    const executable = await backend.compile(program)
    await executable.load(weights)
    return { executable, inputs: inputsOf(program) }
  }
  const once = (key: string, make: () => Program) => {
    const known = compiled.get(key) ?? load(make())
    compiled.set(key, known)
    return known
  }
  const sizesFor = (asked: Asked) => {
    const sizes = standardSizes(model, 1, kindsOf(asked))
    const n = asked.points?.length ?? 1
    const inputs = Object.fromEntries(
      Object.entries(sizes.inputs).map(([name, shape]) => {
        const feed = model.takes[name]
        return [name, feed?.kind === "points" ? [n, ...shape.slice(1)] : shape]
      }),
    )
    return { ...sizes, inputs }
  }
  /** Outputs of one number an image tell of the mask, whatever they are called. */
  const numbersOf = (asked: Asked): readonly string[] => {
    const { graph } = inferenceProgram(model, sizesFor(asked))
    return graph.outputs.flatMap(({ name, value }) =>
      name !== output && sizeOf(graph.nodes[value]!.shape) === 1 ? [name] : [],
    )
  }
  let numbers: readonly string[] | undefined
  const asking = (asked: Asked) => {
    numbers ??= numbersOf(asked)
    return once(`${kindsOf(asked)} ${asked.points?.length}`, () =>
      inferenceProgram(model, sizesFor(asked), { kept: keeps, outputs: [output, ...(numbers ?? [])] }),
    )
  }
  const promptFeeds = ({ points, box, mask }: Asked, image: Size, [, height, width]: readonly number[]): Tensors => {
    const size = { width: width!, height: height! }
    const scaled = (x: number, y: number) => scalePoint({ x, y }, image, size)
    return Object.fromEntries(
      Object.entries(model.takes).flatMap(([name, feed]): readonly (readonly [string, Tensor])[] => {
        if (feed.kind === "points" && points !== undefined) {
          const values =
            feed.part === "coords"
              ? points.flatMap((point) => Object.values(scaled(point.x, point.y)))
              : points.map(({ label }) => label)
          const shape = feed.part === "coords" ? [1, points.length, 2] : [1, points.length]
          return [[name, { shape, data: Float32Array.from(values) }]]
        }
        if (feed.kind === "box" && box !== undefined) {
          const [a, b] = [scaled(box.x0, box.y0), scaled(box.x1, box.y1)]
          return [[name, { shape: [1, 4], data: Float32Array.of(a.x, a.y, b.x, b.y) }]]
        }
        if (feed.kind === "mask" && mask !== undefined)
          return [[name, { shape: [1, 1, ...feed.size], data: maskFed(mask, pixels, size, feed.size) }]]
        return []
      }),
    )
  }

  /** Everything of images that does not depend on what is asked, computed for `batch` at once; of a model that is asked nothing, all of it. */
  const see = async (samples: readonly Fitted[], batch = 1) => {
    const feedsOf = (some: readonly Fitted[]): Tensors =>
      Object.fromEntries(
        Object.entries(model.takes).flatMap(([name, feed]) =>
          feed.kind === "pixels" ? [[name, pixelFeed(some, feed)]] : [],
        ),
      )
    const together = keeps.length > 0 || promptingOf(model.takes).length === 0
    if (!together) return samples.map((sample) => ({ sample, feeds: feedsOf([sample]), outputs: undefined }))
    const at = samples.length === 1 ? 1 : batch
    // The last few are filled up with the last one: one program serves them all.
    const filled = Array.from({ length: at }, (_, i) => samples[Math.min(i, samples.length - 1)]!)
    if (keeps.length === 0) numbers ??= numbersOf({})
    const asked = keeps.length > 0 ? keeps : [output, ...(numbers ?? [])]
    const { executable } = await once(`seen ${at}`, () =>
      inferenceProgram(model, standardSizes(model, at), { outputs: asked }),
    )
    const found = await executable.run(feedsOf(filled))
    return samples.map((sample, i) => {
      const own = Object.fromEntries(Object.entries(found).map(([name, tensor]) => [name, rowOf(tensor, i, at)]))
      return keeps.length > 0
        ? { sample, feeds: { ...feedsOf([sample]), ...own }, outputs: undefined }
        : { sample, feeds: {}, outputs: own }
    })
  }
  type Seen = Awaited<ReturnType<typeof see>>[number]
  const ask = async ({ sample, feeds, outputs: known }: Seen, asked: Asked, image: Size) => {
    const compute = async () => {
      const { executable, inputs } = await asking(asked)
      const all: Tensors = { ...feeds, ...promptFeeds(asked, image, sample.image.shape) }
      return executable.run(Object.fromEntries(Object.entries(all).filter(([name]) => inputs.has(name))))
    }
    const outputs = known ?? (await compute())
    return {
      logits: answerOf(outputs[output]!, taught, pixels, sample),
      numbers: Object.fromEntries((numbers ?? []).map((name) => [name, outputs[name]!.data[0]!])),
    }
  }
  const dispose = async () => {
    for (const one of compiled.values()) await (await one).executable.dispose()
  }
  return { taught, pixels, see, ask, dispose }
}
