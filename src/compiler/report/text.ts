/** The report on one screen. */
import type { Colors } from "./colors.ts"
import type { ModelReport } from "./report.ts"
import * as unit from "./units.ts"

type Row = readonly string[]

/** Columns aligned: the first to the left, numbers to the right. */
export const aligned = (rows: readonly Row[], left: readonly number[] = [0]): readonly string[] => {
  const widths = rows.reduce<number[]>((w, row) => row.map((cell, i) => Math.max(w[i] ?? 0, cell.length)), [])
  return rows.map((row) =>
    row
      .map((cell, i) => (left.includes(i) ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!)))
      .join("  ")
      .trimEnd(),
  )
}

const barWidth = 24
const bar = (n: number, most: number): string => {
  const eighths = most === 0 ? 0 : Math.round((8 * barWidth * n) / most)
  return "█".repeat(Math.floor(eighths / 8)) + (eighths % 8 === 0 ? "" : "▏▎▍▌▋▊▉"[(eighths % 8) - 1]!)
}

const partRows = ({ parts, total, trainable }: ModelReport): readonly Row[] => [
  ["part", "parameters", "learn", ""],
  ...parts.map((part) => [
    part.name,
    unit.exact(part.total),
    unit.exact(part.trainable),
    part.trainable === 0 ? "frozen" : part.trainable === part.total ? "learns" : "learns in part",
  ]),
  ["total", unit.exact(total), unit.exact(trainable), unit.percent(trainable, total)],
]

/** Blocks in a row that are alike need one line. */
const blockRows = ({ blocks }: ModelReport): readonly Row[] => {
  const placements = [...new Set(blocks.flatMap(({ ranks }) => Object.keys(ranks)))]
  const most = Math.max(...blocks.map(({ trainable }) => trainable))
  return [
    ["block", "attention", ...placements.map((name) => `${name} rank`), "learn", ""],
    ...blocks.map(({ index, kind, ranks, trainable }) => [
      `${index}`,
      kind,
      ...placements.map((name) => `${ranks[name] ?? "–"}`),
      unit.exact(trainable),
      bar(trainable, most),
    ]),
  ]
}

const costLines = ({ flops, memory }: ModelReport): readonly string[] => [
  ...(flops === undefined
    ? []
    : [`compute   forward ${unit.flops(flops.forward)}, backward ${unit.flops(flops.backward)} (${flops.convention})`]),
  ...(memory === undefined
    ? []
    : [
        `memory    segmenting ${unit.bytes(memory.inference)}${flops?.backward ? `, a training step${(memory.batch ?? 1) === 1 ? "" : ` of ${memory.batch} images`} ${unit.bytes(memory.training)}` : ""} (peak, predicted for the CPU engine, float32)`,
        `fits      ${memory.fits.map(({ device, inference, training }) => `${device}: ${!inference ? "no" : flops?.backward ? (training ? "trains" : "segments") : "yes"}`).join(" · ")}`,
        `largest   ${unit.bytes(memory.largest.bytes)}, [${memory.largest.shape.join(", ")}] in ${memory.largest.from || "the network itself"}`,
      ]),
]

export interface TextOptions {
  readonly colors: Colors
}

/** One model as text, without a newline at the end. */
export const modelText = (model: ModelReport, { colors: c }: TextOptions): string => {
  const indent = (lines: readonly string[]) => lines.map((line) => (line === "" ? "" : `  ${line}`))
  const size = model.imageSize === undefined ? "" : `, ${model.imageSize.join(" × ")}`
  const heading = `${c.bold(model.name)}  ${c.dim(`${model.family}${size}`)}`
  const [partHead, ...parts] = aligned(partRows(model), [0, 3])
  const withBlocks = model.blocks.some(({ trainable }) => trainable > 0)
  const [blockHead, ...blocks] = withBlocks ? aligned(blockRows(model), [1, blockRows(model)[0]!.length - 1]) : []
  const expectations = model.expectations.map(({ text, holds, place }) => {
    const where = place === undefined ? "" : c.dim(`  ${place.file}:${place.line}`)
    return `${holds ? c.green("✓") : c.red("✗")} ${text}${where}`
  })
  return [
    heading,
    ...indent([
      c.dim(partHead!),
      ...parts.slice(0, -1),
      c.bold(parts.at(-1)!),
      ...(withBlocks ? ["", c.dim(blockHead!), ...blocks] : []),
      "",
      `learns    ${unit.parameters(model.trainable)}`,
      `buffers   ${unit.exact(model.buffers)} values, in no count above`,
      ...costLines(model),
      ...expectations,
    ]),
  ].join("\n")
}

/** Many models, a line each. */
export const summaryText = (models: readonly ModelReport[], { colors: c }: TextOptions): string => {
  const [head, ...rows] = aligned(
    [
      ["model", "learn", "of", "", "float32"],
      ...models.map(({ name, trainable, total }) => [
        name,
        unit.exact(trainable),
        unit.exact(total),
        unit.percent(trainable, total),
        unit.bytes(4 * trainable),
      ]),
    ],
    [0],
  )
  return [c.dim(head!), ...rows].join("\n")
}
