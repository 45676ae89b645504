/** The report on one screen. */

import { memoryBasis } from "./basis.ts"
import type { Colors } from "./colors.ts"
import { visible } from "./escape.ts"
import { needsOf, reliefs, within } from "./fits.ts"
import type { Fit, Memory, ModelReport } from "./report.ts"
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
    visible(part.name),
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

/** 2.8 of 8 GB: trains. The binding of WebGPU holds one buffer, the largest. */
const fitText = (fit: Fit, memory: Memory, learns: boolean): string => {
  const { device, bytes, inference, training } = fit
  const oneBuffer = bytes < 2 ** 30
  const needs = needsOf(fit, memory)
  const needed = learns ? needs.training : needs.inference
  const does = !inference ? "no" : !learns ? "yes" : training ? "trains" : "segments"
  const less = does === "segments" && !oneBuffer ? ` with ${within(needs.inference, bytes)}` : ""
  return `${within(needed, bytes)} of ${oneBuffer ? device.replace(/^WebGPU's 128 MiB/, "128 MiB, WebGPU's") : device}: ${does}${less}`
}

const costLines = ({ flops, memory, blocks }: ModelReport): readonly string[] => {
  const learns = (flops?.backward ?? 0) > 0
  return [
    ...(flops === undefined
      ? []
      : [
          `compute   forward ${unit.flops(flops.forward)}, backward ${unit.flops(flops.backward)} (${flops.convention})`,
        ]),
    ...(memory === undefined
      ? []
      : [
          `memory    segmenting ${unit.bytes(memory.inference)}${learns ? `, a training step${(memory.batch ?? 1) === 1 ? "" : ` of ${memory.batch} images`} ${unit.bytes(memory.training)}` : ""} (peak, ${memoryBasis(memory)})`,
          `fits      ${memory.fits.map((fit) => fitText(fit, memory, learns)).join(" · ")}`,
          ...reliefs(memory, blocks.length > 0 ? "block" : "module").map((line) => `          ${line}`),
          `largest   ${unit.bytes(memory.largest.bytes)}, [${memory.largest.shape.join(", ")}] in ${memory.largest.from || "the network itself"}`,
        ]),
  ]
}

export interface TextOptions {
  readonly colors: Colors
}

/** One model as text, without a newline at the end. */
export const modelText = (model: ModelReport, { colors: c }: TextOptions): string => {
  const indent = (lines: readonly string[]) => lines.map((line) => (line === "" ? "" : `  ${line}`))
  const size = model.imageSize === undefined ? "" : `, ${model.imageSize.join(" × ")}`
  const heading = `${c.bold(visible(model.name))}  ${c.dim(`${visible(model.family)}${size}`)}`
  const [partHead, ...parts] = aligned(partRows(model), [0, 3])
  const withBlocks = model.blocks.some(({ trainable }) => trainable > 0)
  const [blockHead, ...blocks] = withBlocks ? aligned(blockRows(model), [1, blockRows(model)[0]!.length - 1]) : []
  const expectations = model.expectations.map(({ text, holds, place }) => {
    const where = place === undefined ? "" : c.dim(`  ${visible(place.file)}:${place.line}`)
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
      `buffers   ${unit.counted(model.buffers, "value")}, in no count above`,
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
        visible(name),
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
