/** The report as one page, without scripts or anything fetched. */
import type { ModelReport, Report } from "./report.ts"
import { blocksSvg, escaped } from "./svg.ts"
import * as unit from "./units.ts"

const style = `
body { font: 15px/1.5 system-ui, sans-serif; color: #222; max-width: 60rem; margin: 2rem auto; padding: 0 1rem }
h2 { margin: 2.5rem 0 .2rem } .family { color: #666; margin: 0 0 .8rem }
table { border-collapse: collapse; margin: .6rem 0 } th { color: #666; font-weight: 500; border-bottom: 1px solid #ccc }
td, th { padding: .15rem .9rem .15rem 0; text-align: right; font-variant-numeric: tabular-nums } td:first-child, th:first-child { text-align: left }
tr.total td { border-top: 1px solid #ccc; font-weight: 600 } .learns { color: #0b5394 } .no { color: #b00020 } .yes { color: #1b7f3b } code { font-size: .93em } ul { list-style: none; padding: 0 }
`
const row = (cells: readonly string[], kind = ""): string =>
  `<tr${kind === "" ? "" : ` class="${kind}"`}>${cells.map((cell) => `<td>${cell}</td>`).join("")}</tr>`
const table = (head: readonly string[], rows: readonly string[]): string =>
  `<table><thead><tr>${head.map((cell) => `<th>${cell}</th>`).join("")}</tr></thead><tbody>${rows.join("")}</tbody></table>`

const modelHtml = (model: ModelReport): string => {
  const parts = model.parts.map(({ name, total, trainable }) =>
    row(
      [escaped(name), unit.exact(total), unit.exact(trainable), trainable === 0 ? "frozen" : "learns"],
      trainable === 0 ? "" : "learns",
    ),
  )
  const cost = [
    ...(model.flops === undefined
      ? []
      : [
          `<p>Forward ${unit.flops(model.flops.forward)}, backward ${unit.flops(model.flops.backward)} (${model.flops.convention}).</p>`,
        ]),
    ...(model.memory === undefined
      ? []
      : [
          `<p>Peak memory, predicted for the CPU engine: segmenting ${unit.bytes(model.memory.inference)}, a training step ${unit.bytes(model.memory.training)}.</p>`,
          table(
            ["device", "segments", "trains"],
            model.memory.fits.map(({ device, inference, training }) =>
              row([escaped(device), inference ? "yes" : "no", training ? "yes" : "no"]),
            ),
          ),
        ]),
  ]
  const expectations = model.expectations.map(
    ({ text, holds, place }) =>
      `<li class="${holds ? "yes" : "no"}">${holds ? "✓" : "✗"} <code>${escaped(text)}</code>${place === undefined ? "" : ` ${escaped(place.file)}:${place.line}`}</li>`,
  )
  return [
    `<h2>${escaped(model.name)}</h2><p class="family">${escaped(model.family)}. Learns ${unit.parameters(model.trainable)}.</p>`,
    table(
      ["part", "parameters", "learn", ""],
      [
        ...parts,
        row(
          ["total", unit.exact(model.total), unit.exact(model.trainable), unit.percent(model.trainable, model.total)],
          "total",
        ),
      ],
    ),
    ...(model.blocks.some(({ trainable }) => trainable > 0) ? [blocksSvg(model)] : []),
    ...cost,
    ...(expectations.length === 0 ? [] : [`<ul>${expectations.join("")}</ul>`]),
  ].join("\n")
}

export const reportHtml = ({ models, hasam }: Report): string =>
  `<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>hasam report</title><style>${style}</style></head><body>\n<h1>hasam report</h1>\n${models.map(modelHtml).join("\n")}\n<p class="family">hasam ${escaped(hasam)}</p>\n</body></html>\n`
