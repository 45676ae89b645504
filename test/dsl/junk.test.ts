/**
 * Junk in place of every argument of every public function: told at its place, in our words, or of the same kind as what belongs there. The table has a right call
 * of each function; it is total over what a spec can import.
 */
import { describe, expect, test } from "vitest"
import { guarded, type Senseless } from "../../src/dsl/guard.ts"
import * as hasam from "../../src/dsl/index.ts"
import { tinyOptions } from "../tinySam.ts"

type Any = (...args: readonly unknown[]) => any
type Language = Readonly<Record<string, any>>

const config = { ...tinyOptions, depth: 2, windowSize: 2, globalBlocks: [1], mlpRatio: 2 }
const layer = () => hasam.linear(16, 16)
const tiny = hasam.sam(config)
const adapter = () => hasam.residual(hasam.sequential(hasam.linear(16, 4 as any), hasam.linear(4 as any, 16)))
const ranks = () => hasam.uniform(2, 4)
const net = (): any =>
  hasam.model(hasam.conv2d(1, 1, 3, { padding: 1 }), {
    name: "net",
    takes: { image: hasam.pixels({ size: 8, channels: 1 }) },
    teaches: { masks: hasam.masks() },
  })
const asked = () => ({ takes: net().data.takes, teaches: net().data.teaches })
const trained = () => hasam.training(net())

/** Arguments, and what the function that it gives is applied to. */
interface Right {
  readonly args: readonly unknown[]
  readonly on?: unknown
}
const right: Readonly<Record<string, Right>> = {
  adam: { args: [{ rate: 1e-3, betas: [0.9, 0.99], eps: 1e-8 }] },
  adamW: { args: [{ rate: 1e-3, betas: [0.9, 0.99], eps: 1e-8, weightDecay: 0.1 }] },
  sgd: { args: [{ rate: 1e-3, momentum: 0.9 }] },
  adapt: { args: [ranks(), () => [hasam.afterAttention(adapter())]], on: tiny },
  adaptFormer: { args: [4, { scale: 0.1, dropout: 0.1 }], on: tiny },
  add: { args: [hasam.dice(), hasam.mse()] },
  afterAttention: { args: [adapter(), { name: "a" }] },
  afterMlp: { args: [adapter(), { name: "a" }] },
  inMlpResidual: { args: [adapter(), { name: "a" }] },
  besideMlp: { args: [adapter(), { name: "a", scale: 0.1 }] },
  besideMlpResidual: { args: [adapter(), { name: "a", scale: 0.1 }] },
  asRatio: { args: [0.25] },
  asks: { args: [hasam.centre] },
  at: { args: ["mlp"] },
  "at.after": { args: [adapter()] },
  "at.before": { args: [adapter(), { name: "a" }] },
  "at.beside": { args: [adapter(), { name: "a", scale: 0.1, of: "skip" }] },
  "at.onSkip": { args: [adapter(), { name: "a" }] },
  "at.lowRank": { args: [{ rank: 4, rows: ["q", "v"], alpha: 4 }] },
  autoLr: {
    args: [{ order: 0.9, relax: 0.99, least: 0.8, lowest: 2, highest: 0.4, before: 0.5, trials: 3 }],
  },
  automatic: { args: [trained()] },
  avgPool2d: { args: [2, { stride: 2, padding: 0 }] },
  maxPool2d: { args: [2, { stride: [2, 2], padding: 0 }] },
  batchNorm1d: { args: [16, { eps: 1e-5, momentum: 0.1, affine: true }] },
  batchNorm2d: { args: [16, { eps: 1e-5, momentum: 0.1, affine: true }] },
  bceWithLogits: { args: [] },
  blocks: { args: [1, 2] },
  boxes: { args: [{ name: "boxes" }] },
  budget: { args: [{ trainable: 100, bytes: 100 }], on: tiny },
  buffer: { args: [[2, 3], { fill: 0 }, { persistent: true }] },
  chain: { args: [{ a: layer(), b: layer() }] },
  classes: { args: ["background", "nerve"] },
  clipNorm: { args: [1] },
  clipValue: { args: [1] },
  conv1d: { args: [4, 4, 3, { stride: 1, padding: 1, dilation: 1, groups: 1, bias: true }] },
  conv2d: { args: [4, 4, 3, { stride: 1, padding: [1, 1], dilation: 1, groups: 1, bias: true, standardised: 1e-5 }] },
  convTranspose2d: { args: [4, 4, 2, { stride: 2, padding: 0, outputPadding: 0, dilation: 1, groups: 1, bias: true }] },
  depthwiseConv2d: { args: [4, 3, { stride: 1, padding: 1, dilation: 1, bias: true, standardised: 1e-5 }] },
  cosineRate: { args: [{ warmup: 1, floor: 0.1 }] },
  counted: { args: ["mine"], on: tiny },
  crossEntropy: { args: [{ weights: [1, 2] }] },
  defaultLoss: { args: [asked()] },
  defaultPrompt: { args: [asked()] },
  defaultsFor: { args: [asked()] },
  define: {
    args: ["X", { a: layer(), b: [layer(), layer()] }, hasam.features(16), (m: any, x: any) => m.b[1](m.a(x))],
  },
  dice: { args: [{ smooth: 1, over: "classes" }] },
  dropPath: { args: [0.1] },
  dropout: { args: [0.1] },
  embedding: { args: [10, 4] },
  expectTotal: { args: [7], on: tiny },
  expectTrainable: { args: [7], on: tiny },
  extent: { args: [] },
  features: { args: [16] },
  fitTrainable: { args: [1000], on: ranks() },
  flag: { args: [] },
  focal: { args: [{ gamma: 2, alpha: 0.25 }] },
  freeze: { args: ["maskDecoder", hasam.blocks(1)], on: tiny },
  unfreeze: { args: ["maskDecoder", hasam.blocks(1)], on: tiny },
  freezeAll: { args: [tiny] },
  given: { args: [[4, 8]] },
  groupNorm: { args: [2, 16, { eps: 1e-5 }] },
  haSam: { args: [0.24], on: tiny },
  houlsby: { args: [4], on: tiny },
  imageEncoder: { args: [config] },
  inBlocks: { args: ["attn", 1, 2] },
  isTraining: { args: [trained()] },
  jittered: { args: [0.1] },
  keysAndValues: { args: [4, { place: "attn", init: { normal: 0.02 } }] },
  ladder: { args: [4, hasam.linear(4, 4)] },
  ladderSide: { args: [4], on: tiny },
  layerNorm: { args: [16, { eps: 1e-5 }] },
  layerNorm2d: { args: [16, { eps: 1e-5 }] },
  linear: { args: [4, 4, { bias: true }] },
  list: { args: [[layer(), layer()]] },
  lora: { args: [{ rank: 4, on: ["q", "v"], alpha: 4 }] },
  lowResolutionMask: { args: [{ size: 32 }] },
  maskDecoder: { args: [config] },
  masks: { args: [] },
  mlp: { args: [16, 32, hasam.relu] },
  model: {
    args: [
      hasam.conv2d(1, 1, 3),
      {
        name: "net",
        takes: { image: hasam.pixels({ size: 8, channels: 1 }) },
        teaches: { masks: hasam.masks() },
        keeps: ["a"],
        blocks: "a",
        parts: { a: "b" },
        resized: () => net(),
      },
    ],
  },
  mse: { args: [] },
  named: { args: ["n", hasam.features(16)] },
  on: { args: ["masks", hasam.dice()] },
  optional: { args: [16] },
  parallel: { args: [layer(), layer()] },
  parameter: { args: [[2, 3], { normal: 0.02 }] },
  patchExpand: { args: [16, 8, [4, 4], { by: 2, name: "P" }] },
  patchMerging: { args: [16, [4, 4]] },
  pipe: { args: [tiny, hasam.freezeAll] },
  pixels: {
    args: [{ size: 8, channels: 3, fit: "stretch", mean: [1, 2, 3], deviation: 255, padding: 0, padded: "fed" }],
  },
  point: { args: [] },
  points: { args: [{ coords: "c", labels: "l" }] },
  polynomialRate: { args: [{ power: 0.9, warmup: 1, floor: 0.1 }] },
  prefixTuning: { args: [4], on: tiny },
  promptEncoder: { args: [config] },
  promptTokens: { args: [4, { stay: false, init: { normal: 0.02 }, name: "p" }] },
  rates: { args: [{ maskDecoder: 1e-4, adapters: () => 1e-3 }] },
  repeat: { args: [2, () => layer()] },
  residual: { args: [layer()] },
  reverse: { args: [ranks()] },
  sam: { args: [config] },
  samAttention: { args: [16, 8, 2] },
  samBlock: { args: [16, 2, 32, 4, 2] },
  samGridAttention: { args: [16, 2, 4] },
  samMlp: { args: [16, 32, hasam.relu] },
  samNeck: { args: [16, 8] },
  samNetwork: { args: [config, hasam.imageEncoder(config)] },
  samPatchEmbed: { args: [16, 8] },
  samTakes: { args: [config] },
  samedLora: { args: [4], on: tiny },
  schedule: { args: [2, (i: number) => 4 * i, "nearest"] },
  sequential: { args: [layer(), layer()] },
  shared: { args: [layer()] },
  skipConcat: { args: [layer()] },
  stepRate: { args: [10, 0.5] },
  study: {
    args: [
      {
        trainings: [trained(), trained()],
        seeds: [0],
        folds: 1,
        fractions: [1],
        rates: [1e-3],
        prompts: [hasam.asTrained],
        reference: trained(),
        test: "paired",
        correction: "holm",
      },
    ],
  },
  submodule: { args: ["image_encoder.neck"] },
  swinBlock: {
    args: [16, 2, [4, 4], 2, { shifted: true, mlpRatio: 2, qkvBias: true, dropPath: 0.1, mlp: hasam.linear(16, 16) }],
  },
  table: { args: [[4, null]] },
  tensor: { args: ["image_encoder.pos_embed"] },
  totalOf: { args: [ranks()] },
  training: {
    args: [
      net(),
      {
        ...{
          optimizer: hasam.adam({ rate: 1e-3 }),
          loss: hasam.dice(),
          epochs: 3,
          batch: 1,
          accumulate: 1,
          prompt: hasam.centre,
          rateSchedule: hasam.constantRate,
        },
        ...{
          augmentation: { flip: true, rotation: 8, scale: 0.1, gain: 0.1 },
          seed: 0,
          clip: hasam.clipNorm(1),
          patience: 3,
          jitter: 0.1,
          sampling: hasam.balanced,
          autoLr: hasam.autoLr(),
          precision: "float32",
          frozen: "bf16",
          rates: hasam.rates({ all: 1e-3 }),
        },
      },
    ],
  },
  tversky: { args: [{ alpha: 0.3, beta: 0.7, smooth: 1 }] },
  uniform: { args: [2, 4, "nearest"] },
  unmoved: { args: [hasam.centre, asked()] },
  upsample: { args: [2, { mode: "nearest", alignCorners: false }] },
  vit: {
    args: [
      {
        imageSize: 32,
        patchSize: 8,
        channels: 3,
        width: 16,
        depth: 1,
        heads: 2,
        mlpRatio: 2,
        dropPathRate: 0.1,
        gives: 2,
        head: hasam.linear(16, 2),
      },
    ],
  },
  vptDeep: { args: [4], on: tiny },
  vptShallow: { args: [4], on: tiny },
  weighted: { args: [0.5, hasam.dice()] },
  windowAttention: { args: [16, 2, 2, { qkvBias: true, windows: 1 }] },
  withTotal: { args: [8], on: ranks() },
  without: { args: [1, 2], on: ranks() },
}
const x = Symbol("x")
/** Inside a forward; x stands for its value. */
const rightInside: Readonly<Record<string, readonly unknown[]>> = {
  add: [x, x],
  sub: [x, x],
  mul: [x, x],
  div: [x, x],
  matmul: [x, x],
  padLike: [x, x],
  cropLike: [x, x],
  repeatBatch: [x, x],
  repeatEach: [x, x],
  meanEach: [x, x],
  scale: [x, 2],
  shift: [x, 2],
  equals: [x, 2],
  relu: [x],
  gelu: [x],
  sigmoid: [x],
  tanh: [x],
  sin: [x],
  cos: [x],
  exp: [x],
  log: [x],
  softmax: [x],
  constant: [[1, 2], [2]],
  rearrange: [x, "b (h c) -> b h c", { h: 2 }],
  concat: [[x, x], 1],
  slice: [x, 1, 0, 2],
  mean: [x, 1],
  sum: [x, 1],
  pad: [x, 1, 1, 1],
  roll: [x, 1, 2],
  gather: [x, [0, 1]],
  signedDistances: [[2, 2]],
  distances: [[2, 2]],
  shiftedWindows: [[4, 4], 2, 1],
  windows: [x, 2],
  unwindows: [x, 2, x],
  attention: [x, x, x, 2],
  relPosAttention: [x, x, x, 2],
  resize: [x, 4, 4, { mode: "nearest", alignCorners: false }],
  resizeTo: [x, hasam.extent()],
  padTo: [x, 8],
  pixelCentres: [4, 4],
}

const junk: Readonly<Record<string, unknown>> = {
  undefined: undefined,
  null: null,
  number: 7.25,
  text: "no such thing",
  flag: true,
  list: [],
  "list of nothing": [undefined],
  object: {},
  "object of a strange kind": { kind: "linear?" },
  function: () => 7,
  symbol: Symbol("s"),
  bigint: 7n,
  promise: Promise.resolve(1),
  date: new Date(0),
  model: tiny,
  layer: hasam.relu,
  schedule: ranks(),
  loss: hasam.dice(),
}

/** What a value is, as far as junk has to differ from it. */
const sortOf = (v: any): string => {
  if (v === null || v === undefined) return "nothing"
  if (v === x) return "value"
  if (Array.isArray(v)) return "list"
  if (typeof v !== "object") return typeof v
  if (v instanceof Promise || v instanceof Date) return "strange"
  if (typeof v.kind === "string") return hasam && layerKinds.has(v.kind) ? "layer" : `kind ${v.kind}`
  return "object"
}
const layerKinds = new Set(["linear", "conv2d", "sequential", "residual", "relu", "module"])

type Path = readonly (string | number)[]
const isPlain = (v: any): boolean =>
  typeof v === "object" &&
  v !== null &&
  (Array.isArray(v) || (v.kind === undefined && v.value === undefined && v.selector === undefined))
const pathsOf = (v: any, path: Path = []): readonly Path[] => [
  ...(path.length === 0 ? [] : [path]),
  ...(isPlain(v)
    ? Object.keys(v).flatMap((key) => pathsOf(v[key], [...path, Array.isArray(v) ? Number(key) : key]))
    : []),
]
const put = (v: any, [head, ...rest]: Path, value: unknown): any => {
  const inner = rest.length === 0 ? value : put(v[head!], rest, value)
  return Array.isArray(v) ? v.map((one, i) => (i === head ? inner : one)) : { ...v, [head!]: inner }
}
const at = (v: any, path: Path): any => path.reduce((inner, key) => inner[key], v)

interface Outcome {
  readonly told: readonly Senseless[]
  readonly thrown?: unknown
}
const tried = (work: (language: Language) => unknown): Outcome => {
  const { language, senseless } = guarded(hasam)
  try {
    work(language as Language)
    return { told: senseless }
  } catch (thrown) {
    return { told: senseless, thrown }
  }
}
const calledWith = (name: string, args: readonly unknown[]) => (language: Language) => {
  const { on } = right[name]!
  const [, edit] = name.split("at.")
  const call = (edit === undefined ? language[name] : language["at"]("mlp")[edit]) as Any
  const made =
    name === "named"
      ? language["define"]("X", {}, hasam.features(16), (_: any, v: any) =>
          call(args[0], args[1] === right["named"]!.args[1] ? v : args[1]),
        )
      : call(...args)
  return on === undefined ? made : made(on)
}
const calledInside = (name: string, args: readonly unknown[]) => (language: Language) =>
  language["define"]("X", { a: layer() }, hasam.features(16), (_: any, v: any) => {
    const given = args.map((a) => (a === x ? v : Array.isArray(a) ? a.map((one) => (one === x ? v : one)) : a))
    language["forward"][name](...given)
    return v
  })

const cases = [
  ...Object.entries(right).flatMap(([name, { args }]) =>
    pathsOf(args).map((path) => ({ name, path, args, call: calledWith })),
  ),
  ...Object.entries(rightInside).flatMap(([name, args]) =>
    pathsOf(args).map((path) => ({ name, path, args, call: calledInside })),
  ),
].filter(
  ({ name, path }) =>
    // It asks what a thing is.
    name !== "isTraining" &&
    // All take sam's options, whose parts are looked at once.
    (path.length === 1 || !["imageEncoder", "promptEncoder", "maskDecoder", "samNetwork", "samTakes"].includes(name)),
)
/** What may stand there, too. */
const other: Readonly<Record<string, string>> = {
  ...Object.fromEntries(
    ["adaptFormer", "haSam", "houlsby", "ladderSide", "prefixTuning", "samedLora", "vptDeep", "withTotal"].map(
      (name) => [`${name} 0`, "schedule"],
    ),
  ),
  ...{
    "freeze 1": "text",
    "unfreeze 1": "text",
    "table 0.0": "null",
    "table 0.1": "number",
    "rates 0.maskDecoder": "function",
    "add 1": "loss",
  },
  // The forward then calls what is no list: the spec's own mistake.
  "define 1.b": "layer",
}

test("what is right is told nothing", () => {
  for (const [name, { args }] of Object.entries(right))
    expect([name, tried(calledWith(name, args))]).toEqual([name, { told: [] }])
  for (const [name, args] of Object.entries(rightInside))
    expect([name, tried(calledInside(name, args))]).toEqual([name, { told: [] }])
})
/** All of it in place of an argument; of what is within one, what differs from everything. */
const asIs = (name: string, { length }: Path): readonly string[] =>
  length === 1 ? Object.keys(junk) : name === "sam" ? ["symbol"] : ["undefined", "object of a strange kind", "function"]

test("junk in place of everything is told", () => {
  const lines: string[] = []
  for (const { name, path, args, call } of cases)
    for (const [what, value] of Object.entries(junk).filter(([what]) => asIs(name, path).includes(what))) {
      const was = at(args, path)
      if (sortOf(value) === sortOf(was) || other[`${name} ${path.join(".")}`] === what) continue
      const { told, thrown } = tried(call(name, put(args, path, value)))
      if (told.length > 0 || (value === undefined && thrown === undefined)) continue
      lines.push(`${name} ${path.join(".")} ${what}: ${(thrown as Error)?.message}`)
    }
  expect(lines).toEqual([])
})
describe("the table", () => {
  test("is total over what a spec can import", () => {
    const functions = Object.entries(hasam).flatMap(([name, f]) => (typeof f === "function" ? [name] : []))
    expect(functions.filter((name) => !(name in right)).toSorted()).toEqual(["ifGiven", "whenGiven"])
    expect(Object.keys(hasam.forward).filter((name) => !(name in rightInside))).toEqual([])
  })
})
