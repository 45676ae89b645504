/** The report as data: what --json prints, and what text, Markdown and HTML are made of. Version 1; additive changes only. */
import * as t from "io-ts"

const Count = t.type({ name: t.string, total: t.number, trainable: t.number })
const Place = t.type({ file: t.string, line: t.number, column: t.number })

export const Diagnostic = t.intersection([
  t.type({
    file: t.string,
    line: t.number,
    column: t.number,
    code: t.string,
    severity: t.union([t.literal("error"), t.literal("warning")]),
    message: t.string,
  }),
  t.partial({ help: t.string }),
])

/** Of parameters, unless a name says otherwise. */
export const Bytes = t.type({
  total: t.type({ float32: t.number, float16: t.number }),
  trainable: t.type({ float32: t.number, float16: t.number }),
  buffers: t.type({ float32: t.number }),
})

export const Flops = t.intersection([
  t.type({
    convention: t.string,
    forward: t.number,
    /** Of one training step; 0 where nothing learns. */
    backward: t.number,
  }),
  t.partial({
    /** The same by module, those that have some; "" is what no module made. */
    modules: t.array(
      t.intersection([
        t.type({ path: t.string, part: t.string, forward: t.number, backward: t.number }),
        t.partial({ block: t.number, placement: t.string }),
      ]),
    ),
  }),
])
/** What blocks compute, node by node, as the graph that segments has it; blocks that compute alike stand together. */
export const Equations = t.type({
  blocks: t.array(t.number),
  lines: t.array(t.type({ name: t.string, value: t.string, shape: t.array(t.number), flops: t.number })),
})
/** Blocks computed twice, and what a step needs then. */
export const Relief = t.type({
  /** Bytes to ask for with --memory, which counts tensors alone. */
  memory: t.number,
  /** Blocks that are computed twice, of how many that could be. */
  recomputed: t.number,
  of: t.number,
  /** Bytes of a training step. */
  training: t.number,
})
export const Memory = t.intersection([
  t.type({
    /** Bytes. */
    inference: t.number,
    training: t.number,
    largest: t.type({ bytes: t.number, shape: t.array(t.number), from: t.string }),
    fits: t.array(
      t.intersection([
        t.type({ device: t.string, bytes: t.number, inference: t.boolean, training: t.boolean }),
        t.partial({
          /** Bytes that are held against the device's: all there is, or the largest buffer. */
          needs: t.type({ inference: t.number, training: t.number }),
          /** What would make training fit, where it does not and this does; else the least that can be had. */
          relief: Relief,
        }),
      ]),
    ),
  }),
  t.partial({
    /** Images in a training step; 1 where it is not said. */
    batch: t.number,
    /** The target that these figures are of; cpu where it is not said. */
    target: t.string,
    /** The device that a compiler made the programs for, whose own figures these are; left out where they are predicted from the plan. */
    compiledFor: t.string,
  }),
])

export const ModelReport = t.intersection([
  t.type({
    name: t.string,
    family: t.string,
    total: t.number,
    trainable: t.number,
    frozen: t.number,
    buffers: t.number,
    bytes: Bytes,
    parts: t.array(Count),
    placements: t.array(Count),
    blocks: t.array(
      t.intersection([
        t.type({
          index: t.number,
          kind: t.string,
          ranks: t.record(t.string, t.number),
          total: t.number,
          trainable: t.number,
        }),
        /** What was added, by placement; the block's own tensors are "own". */
        t.partial({ placements: t.array(Count) }),
      ]),
    ),
    tensors: t.array(
      t.intersection([
        t.type({ name: t.string, shape: t.array(t.number), kind: t.string, part: t.string, trainable: t.boolean }),
        t.partial({ receivesGradient: t.boolean, block: t.number, placement: t.string }),
      ]),
    ),
    expectations: t.array(t.intersection([t.type({ text: t.string, holds: t.boolean }), t.partial({ place: Place })])),
  }),
  t.partial({
    flops: Flops,
    memory: Memory,
    equations: t.array(Equations),
    hash: t.string,
    /** Height of the image that the network sees; imageSize has both sides. */
    inputSize: t.number,
    imageSize: t.array(t.number),
  }),
])
export const Report = t.type({
  $schema: t.string,
  schema: t.literal(1),
  hasam: t.string,
  models: t.array(ModelReport),
  diagnostics: t.array(Diagnostic),
})

export type Memory = t.TypeOf<typeof Memory>
export type Relief = t.TypeOf<typeof Relief>
export type Fit = Memory["fits"][number]
export type Equations = t.TypeOf<typeof Equations>
export type CountRow = t.TypeOf<typeof Count>
export type ModelReport = t.TypeOf<typeof ModelReport>
export type Report = t.TypeOf<typeof Report>

export const schemaName = "report-1.json"
