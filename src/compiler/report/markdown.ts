import { memoryBasis } from "./basis.ts"
import { markdown, markdownCode } from "./escape.ts"
import type { ModelReport, Report } from "./report.ts"
import * as unit from "./units.ts"

const table = (head: readonly string[], rows: readonly (readonly string[])[]): string =>
  [
    `| ${head.join(" | ")} |`,
    `| ${head.map((_, i) => (i === 0 ? "---" : "---:")).join(" | ")} |`,
    ...rows.map((row) => `| ${row.join(" | ")} |`),
  ].join("\n")

const modelMarkdown = (model: ModelReport): string => {
  const placements = [...new Set(model.blocks.flatMap(({ ranks }) => Object.keys(ranks)))]
  const blocks = model.blocks.some(({ trainable }) => trainable > 0)
    ? [
        table(
          ["block", "attention", ...placements.map((name) => `${markdownCode(name)} rank`), "learn"],
          model.blocks.map(({ index, kind, ranks, trainable }) => [
            `${index}`,
            kind,
            ...placements.map((name) => `${ranks[name] ?? "–"}`),
            unit.exact(trainable),
          ]),
        ),
      ]
    : []
  const cost = [
    ...(model.flops === undefined
      ? []
      : [
          `Forward ${unit.flops(model.flops.forward)}, backward ${unit.flops(model.flops.backward)} (${model.flops.convention}).`,
        ]),
    ...(model.memory === undefined
      ? []
      : [
          `Peak memory, ${markdown(memoryBasis(model.memory))}: segmenting ${unit.bytes(model.memory.inference)}, a training step ${unit.bytes(model.memory.training)}.`,
        ]),
  ]
  return [
    `## ${markdown(model.name)}`,
    `${markdown(model.family)}. Learns ${unit.parameters(model.trainable)} of ${unit.exact(model.total)}.`,
    table(
      ["part", "parameters", "learn"],
      [
        ...model.parts.map(({ name, total, trainable }) => [markdown(name), unit.exact(total), unit.exact(trainable)]),
        ["**total**", unit.exact(model.total), unit.exact(model.trainable)],
      ],
    ),
    ...blocks,
    ...cost,
    ...model.expectations.map(({ text, holds }) => `- ${holds ? "✓" : "✗"} ${markdownCode(text)}`),
  ].join("\n\n")
}

/** The report as Markdown. */
export const reportMarkdown = ({ models }: Report): string => `${models.map(modelMarkdown).join("\n\n")}\n`
