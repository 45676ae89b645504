/** A model in a page: opened from the folder that `hasam-compile --target webgpu` wrote, shown images, asked, trained. */
import { writeFile } from "node:fs/promises"
import type { Backend } from "../../backends/backend.ts"
import { wasmBackend, webgpuBackend } from "../../backends/tfjs/browser.ts"
import { Failed } from "../../compiler/diagnostic.ts"
import { type Picture, readImage } from "../data/image.ts"
import type { Raster } from "../data/raster.ts"
import { modelHash } from "../training/identity.ts"
import { download } from "./download.ts"
import type { ModelFile } from "./modelFile.ts"
import type { Question } from "./question.ts"
import { type Answer, segmenter } from "./segmenter.ts"
import { type Trainer, trainer } from "./trainer.ts"
import { type PageWeights, takeWeights, tensorsOf } from "./weights.ts"

/** What is being done, and how much of it, 0…1, where that is known. */
export type OnProgress = (text: string, share?: number) => void

export interface OpenOptions {
  /** best: WebGPU, or WebAssembly where there is none. */
  readonly engine?: "best" | "webgpu" | "wasm"
  /** Where tfjs's .wasm files are: the model's folder, where `hasam-compile` puts them. */
  readonly wasm?: string
  readonly onProgress?: OnProgress
}

/** The prediction is that of `hasam segment`: the same plan, the same arithmetic of pixels. */
export interface BrowserModel {
  /** Name, what it takes and teaches, sizes, classes, how it is trained. */
  readonly file: ModelFile
  readonly engine: string
  /** Why it runs without the GPU, where one was looked for. */
  readonly why?: string
  /**
   * Replaces weights by a file: a checkpoint of this model (.safetensors, .pth), or what training wrote, here or by `hasam train`.
   * Throws HS3001 to HS3016, in words; then nothing has changed.
   */
  load(name: string, file: Blob): Promise<void>
  /** A file's pixels as the commands read them: PNG (16 bits too), JPEG, TIFF, BMP, WebP, GIF, DICOM, NIfTI. Throws HS4201, HS4208 to HS4211. */
  read(name: string, file: Blob): Promise<Picture>
  /** The image that is asked about from here on; what the model keeps of it is computed now, once. */
  embed(image: Raster): Promise<void>
  /** What each taught output says, as logits at the image's own size, row by row; of a point, x and y. */
  segment(question?: Question): Promise<readonly Answer[]>
  /** How often the image went through the network, and how many questions did. */
  runs(): { readonly image: number; readonly questions: number }
  /** Data, checks and training, kept in this browser over a reload. Throws HS5305 for a model of which nothing learns. */
  trainer(): Trainer
  dispose(): Promise<void>
}

const backendFor = async (
  engine: NonNullable<OpenOptions["engine"]>,
  wasm: string,
): Promise<readonly [Backend, why?: string]> => {
  if (engine === "webgpu") return [await webgpuBackend()]
  if (engine === "wasm") return [await wasmBackend({ path: wasm })]
  try {
    return [await webgpuBackend()]
  } catch (problem) {
    const why = problem instanceof Failed ? problem.diagnostics[0].message : String(problem)
    return [await wasmBackend({ path: wasm }), why]
  }
}

/**
 * Opens the model whose folder is at `base`, an address that ends in a slash. Throws HS2601 where WebGPU is demanded and missing, HS4002 for files
 * that are not there, HS3010 to HS3013 for weights that are not the model's.
 */
export const openModel = async (base: string, options: OpenOptions = {}): Promise<BrowserModel> => {
  const { engine = "best", wasm = base, onProgress = () => undefined } = options
  onProgress("Starting the engine")
  const [backend, why] = await backendFor(engine, wasm)
  const file = JSON.parse(await (await download(new URL("model.json", base).href)).text()) as ModelFile
  const { model } = file
  const asking = segmenter(backend, model)
  const beside = await download(new URL("weights.safetensors", base).href, (share) =>
    onProgress("Loading weights", share),
  )
  const place = `/model/${modelHash(model).slice(0, 16)}`
  const put = async (name: string, content: Blob): Promise<string> => {
    const path = `${place}/${name.replaceAll("/", "_")}`
    // The page's store takes blobs as they are: weights are in memory once.
    await writeFile(path, content as unknown as Uint8Array)
    return path
  }
  let weights: PageWeights = { base: await put("beside/weights.safetensors", beside) }
  weights = await takeWeights(model, weights, weights.base, asking)

  return {
    file,
    engine: backend.name,
    ...(why === undefined ? {} : { why }),
    load: async (name, content) => {
      weights = await takeWeights(model, weights, await put(name, content), asking)
    },
    read: async (name, content) => {
      const path = `/images/${name.replaceAll("/", "_")}`
      await writeFile(path, content as unknown as Uint8Array)
      return readImage(path)
    },
    embed: (image) => asking.see(image),
    segment: (question = { points: [] }) => asking.ask(question),
    runs: asking.runs,
    trainer: () =>
      trainer({
        backend,
        file,
        tensors: (seed) => tensorsOf(model, { base: weights.base }, seed),
      }),
    dispose: () => asking.dispose(),
  }
}
