/**
 * The systems against their own code, in float64: tensors, outputs, gradients, running statistics; and the CPU engine's outputs. See reference/make_systems.py.
 * HASAM_FIGURES=1 prints the differences (docs/numerics.md).
 */
import { readFileSync } from "node:fs"
import { afterAll, describe, expect, test } from "vitest"
import * as h2former from "../../examples/systems/h2former/index.ts"
import * as medSa from "../../examples/systems/medsa/index.ts"
import * as medSam from "../../examples/systems/medsam/index.ts"
import * as missformer from "../../examples/systems/missformer/index.ts"
import * as mobileSam from "../../examples/systems/mobile-sam/index.ts"
import * as samed from "../../examples/systems/samed/index.ts"
import * as samus from "../../examples/systems/samus/index.ts"
import * as swinUnet from "../../examples/systems/swin-unet/index.ts"
import * as transunet from "../../examples/systems/transunet/index.ts"
import * as unet from "../../examples/systems/unet/index.ts"
import { cpu } from "../../src/backends/onnx/engine.ts"
import { learningNames } from "../../src/compiler/analysis/parameters.ts"
import { evaluate } from "../../src/compiler/ir/evaluate/index.ts"
import { type Program, sizeOf, type Tensors } from "../../src/compiler/ir/graph.ts"
import { standardSizes } from "../../src/compiler/passes/elaborate/index.ts"
import { compile } from "../../src/compiler/passes/pipeline.ts"
import {
  adapt,
  bceWithLogits,
  boxes,
  type Child,
  classes,
  crossEntropy,
  uniform as evenly,
  freeze,
  lora,
  type Model,
  masks,
  model,
  pixels,
  points,
} from "../../src/dsl/index.ts"
import type { ModelData } from "../../src/dsl/model.ts"
import { networkOf } from "../../src/dsl/network.ts"
import { type TensorData, tensorsOf } from "../../src/dsl/tensors.ts"
import { initialValues } from "../../src/runtime/initial.ts"
import type { Values } from "../ir/support.ts"
import { type Digest, difference, uniform } from "../reference/index.ts"

interface Reference {
  readonly name: string
  /** Channels, height, width. */
  readonly image: readonly [number, number, number]
  /** Shapes of prompts, for a batch of two. */
  readonly prompts?: Readonly<Record<string, readonly number[]>>
  readonly parameters: number
  readonly tensors: Readonly<Record<string, readonly number[]>>
  readonly inference: Digest
  readonly masks: Digest
  readonly loss: number
  readonly gradients: Readonly<Record<string, Digest>>
  readonly statistics: Readonly<Record<string, Digest>>
}
const references: readonly Reference[] = JSON.parse(
  readFileSync(new URL("./reference/systems.json", import.meta.url), "utf8"),
)

const prompted = {
  ...{ imageSize: 64, patchSize: 8, width: 32, depth: 2, heads: 2, windowSize: 3, globalBlocks: [1], mlpRatio: 4 },
  ...{ outChannels: 16, maskChannels: 4 },
  decoder: { depth: 2, heads: 2, mlpWidth: 24, iouWidth: 12, iouDepth: 3, maskTokens: 4 },
}
const tiny = { depths: [1, 1, 2, 1], windowSizes: [4, 3, 4, 3], numClasses: 5 }
/** As in make_systems.py. */
const networks: Readonly<Record<string, () => Child>> = {
  "U-Net": () => unet.network({ nChannels: 1, nClasses: 1, width: 4 }),
  "U-Net, bilinear": () => unet.network({ nChannels: 1, nClasses: 1, width: 4, bilinear: true }),
  "Swin-Unet": () =>
    swinUnet.network({
      ...{ imgSize: 64, numClasses: 3, embedDim: 8, depths: [2, 2, 2, 2], numHeads: [1, 2, 4, 4], windowSize: 4 },
      dropPathRate: 0,
    }),
  TransUNet: () =>
    transunet.network({
      ...{ imgSize: 32, numClasses: 3, hiddenSize: 16, numHeads: 2, numLayers: 2, mlpDim: 32, dropoutRate: 0 },
      ...{ resnetLayers: [1, 2, 1], widthFactor: 0.5, decoderChannels: [16, 8, 8, 4] },
    }),
  H2Former: () =>
    h2former.network({
      ...{ imageSize: 64, layers: [1, 2, 1, 1], numClasses: 3, inChans: 4, width: 8, dropPathRate: 0 },
    }),
  "SAMUS's encoder": () =>
    samus.imageEncoder({
      ...{ imageSize: 64, patchSize: 8, width: 16, depth: 3, heads: 2, windowSize: 3, globalBlocks: [0, 2] },
      ...{ mlpRatio: 4, outChannels: 6, table: 16, branchWidth: 8 },
    }),
  "MobileSAM's encoder": () =>
    mobileSam.tinyViT(
      { imageSize: 64, outChannels: 6 },
      {
        embedDims: [8, 12, 16, 24],
        depths: [1, 1, 2, 1],
        numHeads: [1, 2, 2, 3],
        windowSizes: [4, 3, 4, 3],
        numClasses: 5,
      },
    ),
  SAMUS: () => samus.network({ ...prompted, depth: 3, globalBlocks: [0, 2], table: 16, branchWidth: 8 }),
  MobileSAM: () =>
    mobileSam.network({ ...prompted, patchSize: 16 }, { ...tiny, embedDims: [8, 12, 16, 24], numHeads: [1, 2, 2, 3] }),
  SAMed: () => samed.network({ ...prompted, imageSize: 48, decoder: { ...prompted.decoder, maskTokens: 3 } }),
  MedSAM: () => medSam.network({ ...prompted, imageSize: 48 }),
  "Med-SA": () => medSa.network({ ...prompted, imageSize: 48, windowSize: 4, table: 7, outSize: 24 }),
  MISSFormer: () => missformer.network({ numClasses: 3, imageSize: 64, dims: [4, 8, 20, 32], layers: [1, 1, 1, 1] }),
}

/** Updates of SAMed's queries and values; MedSAM's prompt encoder runs without gradients. */
const adapted: Readonly<Record<string, (of: Model) => Model>> = {
  MedSAM: (of) => freeze("prompt_encoder")(of as never) as Model,
  SAMed: (of) => adapt(evenly(2, 2), (rank) => [lora({ rank, on: ["q", "v"] })])(of as never) as Model,
}
const modelOf = ({ name, image: [channels, ...size], prompts = {}, inference }: Reference): ModelData => {
  const [, planes = 1] = inference.shape
  const names = Array.from({ length: planes - 1 }, (_, i) => `class ${i + 1}`)
  const asked = { ...("boxes" in prompts ? boxes() : {}), ...("point_coords" in prompts ? points() : {}) }
  const whole = name in adapted || Object.keys(prompts).length > 0
  const of = model(
    networks[name]!() as never,
    {
      name,
      takes: { image: pixels({ size, channels }), ...asked },
      teaches: { masks: planes === 1 ? masks() : classes("background", ...names) },
      ...(whole && name !== "MobileSAM" ? { blocks: "image_encoder.blocks" } : {}),
    } as never,
  ) as Model
  return (adapted[name] ?? ((same: Model) => same))(of).data
}

const valuesOf = (tensor: TensorData): Float64Array => {
  const { name, shape, kind } = tensor
  if (kind === "buffer" && !/running|gaussian/.test(name)) return Float64Array.from(initialValues(tensor, 0))
  const values = uniform(name, sizeOf(shape))
  if (shape.length > 1) return values.map((x) => x * Math.sqrt(3 / sizeOf(shape.slice(1))))
  const one = name.endsWith("weight") || name.endsWith("running_var") ? 1 : 0
  return values.map((x) => 0.25 * x + one)
}
const targetOf = ([, planes = 1, height = 1, width = 1]: readonly number[]): Float64Array =>
  uniform("target", 2 * height * width).map((x) =>
    planes === 1 ? (x > 0.2 ? 1 : 0) : Math.min(planes - 1, Math.max(0, Math.floor(((x + 1) / 2) * planes))),
  )

/** Points and boxes within the image, as in make_systems.py. */
const promptOf = (name: string, shape: readonly number[], side: number): Float64Array => {
  const values = uniform(name, sizeOf(shape))
  if (name === "point_labels") return values.map((x) => (x > -0.5 ? 1 : 0))
  const within = values.map((x) => ((x + 1) / 2) * side)
  return name === "point_coords" ? within : within.map((x, i) => x / 2 + (i % 4 < 2 ? 0 : side / 2))
}

interface Got {
  readonly shape: readonly number[]
  readonly data: Float64Array
}
/** Infinite of another shape. */
const apart = (name: string, got: Got | undefined, digest: Digest): number =>
  got === undefined || `${got.shape}` !== `${digest.shape}`
    ? Number.POSITIVE_INFINITY
    : difference(name, got.data, digest)
const off = (name: string, got: Got | undefined, digest: Digest): number => apart(name, got, digest) / digest.norm
const agrees = (name: string, got: Got | undefined, digest: Digest) => off(name, got, digest) < 1e-9

const columns = ["outputs", "CPU engine", "training outputs", "loss", "gradients", "running statistics"] as const
const figures: Record<string, Partial<Record<(typeof columns)[number], number>>> = {}
const note = (name: string, of: Partial<Record<(typeof columns)[number], number>>) => {
  figures[name] = { ...figures[name], ...of }
}
afterAll(() => {
  if (process.env["HASAM_FIGURES"] !== "1") return
  const rows = Object.entries(figures).map(([name, of]) => [
    name,
    ...columns.map((one) => of[one]?.toExponential(0) ?? ""),
  ])
  console.log(
    [["", ...columns], ["---", ...columns.map(() => "---")], ...rows].map((row) => `| ${row.join(" | ")} |`).join("\n"),
  )
})
const onCpu = async (program: Program, values: Values): Promise<Got | undefined> => {
  const single = Object.entries(values).map(([name, data]) => [name, Float32Array.from(data)] as const)
  const inputs = new Set(program.graph.nodes.flatMap(({ op, attrs }) => (op === "input" ? [attrs.name] : [])))
  const shapes = new Map(
    program.graph.nodes.flatMap(({ op, attrs, shape }) =>
      op === "input" || op === "parameter" ? [[attrs.name, shape] as const] : [],
    ),
  )
  const of = (wanted: (name: string) => boolean): Tensors =>
    Object.fromEntries(
      single.flatMap(([name, data]) =>
        shapes.has(name) && wanted(name) ? [[name, { shape: shapes.get(name)!, data }] as const] : [],
      ),
    )
  const executable = await (await cpu()).compile(program)
  await executable.load(of((name) => !inputs.has(name)))
  const { masks } = await executable.run(of((name) => inputs.has(name)))
  await executable.dispose()
  return masks && { shape: masks.shape, data: Float64Array.from(masks.data) }
}

describe.each(references)("upstream's $name", (reference) => {
  const of = modelOf(reference)
  const [, planes = 1] = reference.inference.shape
  const tensors = tensorsOf(networkOf(of))
  const learning = new Set(learningNames(of))
  const { prompts = {} } = reference
  const standard = standardSizes(of, 2, "boxes" in prompts ? "box" : "points")
  const given = Object.entries(prompts).map(([name, shape]) => [name, shape.slice(1)] as const)
  const sizes = { ...standard, inputs: { ...standard.inputs, ...Object.fromEntries(given) } }
  const image = uniform("image", 2 * sizeOf(reference.image))
  const values: Values = {
    ...Object.fromEntries(tensors.map((tensor) => [tensor.name, valuesOf(tensor)])),
    // SAM normalises within.
    image: reference.name === "MobileSAM" ? image.map((x) => 100 * x) : image,
    ...Object.fromEntries(
      Object.entries(prompts).map(([name, shape]) => [name, promptOf(name, shape, reference.image[1])]),
    ),
    target: targetOf(reference.inference.shape),
  }

  test("the same tensors", () => {
    const names = tensors.filter(({ persistent }) => persistent).map(({ name, shape }) => [name, shape])
    expect(Object.fromEntries(names)).toEqual(reference.tensors)
  })
  test("outputs, in float64 and on the CPU engine", async () => {
    const { program } = compile({ model: of, sizes, goal: { kind: "inference" } })
    const found = off("masks", evaluate(program.graph, values)["masks"], reference.inference)
    const single = off("masks", await onCpu(program, values), reference.inference)
    note(reference.name, { outputs: found, "CPU engine": single })
    expect(found).toBeLessThan(1e-9)
    expect(single).toBeLessThan(1e-5)
  })
  test("a step: outputs, loss, every gradient, running statistics", () => {
    const loss = planes === 1 ? bceWithLogits() : crossEntropy()
    const goal = { kind: "gradients", learning: learningNames(of), loss, trainMode: true } as const
    const { program, unreached } = compile({ model: of, sizes, goal })
    const results = evaluate(program.graph, values)
    expect(agrees("masks", results["masks"], reference.masks)).toBe(true)
    const lossOff = Math.abs(results["loss"]!.data[0]! - reference.loss)
    expect(lossOff).toBeLessThan(1e-11)
    const largest = Math.max(...Object.values(reference.gradients).map(({ norm }) => norm))
    const statistics = Object.entries(reference.statistics).map(([name, digest]) =>
      off(name, results[`next/${name}`], digest),
    )
    note(reference.name, {
      "training outputs": off("masks", results["masks"], reference.masks),
      loss: lossOff,
      // Of what is zero but for rounding, such as biases before a batch norm, the norm says nothing.
      gradients: Math.max(
        ...Object.entries(reference.gradients).map(
          ([name, digest]) => apart(name, results[`grad/${name}`], digest) / Math.max(digest.norm, 1e-4 * largest),
        ),
      ),
      ...(statistics.length === 0 ? {} : { "running statistics": Math.max(...statistics) }),
    })
    const wrong = Object.entries(reference.gradients).filter(([name, digest]) => {
      const got = results[`grad/${name}`]
      if (got === undefined || `${got.shape}` !== `${digest.shape}`) return true
      return !(difference(name, got.data, digest) < 1e-8 * digest.norm + 1e-12 * largest)
    })
    expect(wrong.map(([name]) => name)).toEqual([])
    expect([...unreached].sort()).toEqual(
      tensors
        .filter(({ name }) => learning.has(name) && reference.gradients[name] === undefined)
        .map(({ name }) => name)
        .sort(),
    )
    const moved = Object.entries(reference.statistics)
    expect(
      moved.filter(([name, digest]) => !agrees(name, results[`next/${name}`], digest)).map(([name]) => name),
    ).toEqual([])
  })
})
