/** The report as one page: nothing is fetched, and its few lines of script only sort a table. */
import { createHash } from "node:crypto"
import { memoryBasis } from "./basis.ts"
import { xml as escaped } from "./escape.ts"
import { needsOf, reliefs, within } from "./fits.ts"
import type { ModelReport, Report } from "./report.ts"
import { blocksSvg, commonScale } from "./svg.ts"
import { treeHtml, treeStyle } from "./tree.ts"
import * as unit from "./units.ts"

const style = `
:root { color-scheme: light dark; --ink: #222; --faint: #666; --line: #d0d0d0; --paper: #fff; --learns: #0b5394; --no: #b00020; --yes: #1b7f3b }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e6e6; --faint: #a0a0a0; --line: #444; --paper: #16181c; --learns: #7db7f0; --no: #ff8a80; --yes: #7bd88f } }
@media print { :root { --ink: #000; --faint: #444; --line: #bbb; --paper: #fff } h2, h3 { break-after: avoid } tr, svg { break-inside: avoid } section > details:not([open]), .equations:not(:has(details[open])) { display: none } }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); max-width: 72rem; margin: 2rem auto; padding: 0 1rem }
h1 { overflow-wrap: anywhere } h2 { margin: 2.5rem 0 .2rem; overflow-wrap: anywhere } h3 { margin: 1.2rem 0 .3rem; font-size: 1rem } .family { color: var(--faint); margin: 0 0 .8rem }
.wide { overflow-x: auto } table { border-collapse: collapse; margin: .6rem 0 } caption { text-align: left; color: var(--faint) }
td { white-space: nowrap } th { font-weight: 500; border-bottom: 1px solid var(--line) } td, th { padding: .15rem .9rem .15rem 0; text-align: right; font-variant-numeric: tabular-nums }
td:first-child, th:first-child { text-align: left } tbody th { font-weight: 400; border: 0; overflow-wrap: anywhere; min-width: 8rem } tfoot td, tfoot th { border-top: 1px solid var(--line); border-bottom: 0; font-weight: 600 }
.learns { color: var(--learns) } .no { color: var(--no) } .yes { color: var(--yes) } code { font-size: .93em } ul.plain { list-style: none; padding: 0 }
th button { all: unset; cursor: pointer } th button:focus-visible { outline: 2px solid var(--learns) } th[aria-sort="ascending"] button::after { content: " ▲" } th[aria-sort="descending"] button::after { content: " ▼" }
section > details > summary { cursor: pointer } section > details > summary h2 { display: inline; font-size: 1.05rem } section > details { margin: .2rem 0 }
svg { max-width: 100%; height: auto } figure { margin: 1rem 0 } figure svg { max-width: none } small { color: var(--faint) } sup { line-height: 0 } a { color: var(--learns) }
${treeStyle}@media print { body { font-size: 11px; max-width: none; margin: 0; padding: 0 } td, th { padding-right: .6rem } tbody th { min-width: 0 } .wide { overflow: visible } figure svg { max-width: 100% } }
`
const script = `
for (const button of document.querySelectorAll("th button")) button.addEventListener("click", () => {
  const head = button.closest("th"), table = head.closest("table"), body = table.tBodies[0], column = head.cellIndex
  const up = head.getAttribute("aria-sort") !== "ascending"
  for (const other of table.querySelectorAll("th[aria-sort]")) other.removeAttribute("aria-sort")
  head.setAttribute("aria-sort", up ? "ascending" : "descending")
  const key = (row) => { const { value, n } = { value: row.cells[column].textContent, n: row.cells[column].dataset.n }; return n === undefined ? value : Number(n) }
  const rows = [...body.rows].sort((a, b) => { const [x, y] = [key(a), key(b)]; return (x < y ? -1 : x > y ? 1 : 0) * (up ? 1 : -1) })
  body.append(...rows)
})
`
/** Nothing is fetched or sent, and no script runs but the one above. */
const policy = `<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-${createHash("sha256").update(script).digest("base64")}'; base-uri 'none'; form-action 'none'">`

/** A cell; with the number it sorts by. */
export const cell = (text: string, n?: number): string => `<td${n === undefined ? "" : ` data-n="${n}"`}>${text}</td>`
export const table = (caption: string, head: readonly string[], rows: readonly string[], foot = ""): string =>
  `<div class="wide" tabindex="0" role="region" aria-label="${escaped(caption)}"><table><caption>${escaped(caption)}</caption><thead><tr>${head.map((one) => `<th scope="col">${one}</th>`).join("")}</tr></thead><tbody>${rows.join("")}</tbody>${foot === "" ? "" : `<tfoot>${foot}</tfoot>`}</table></div>`

/** With more models than this, the overview is the page, and each model is folded below it. */
const mostOpen = 12

/** Names may hold anything; an anchor may not. */
const anchor = (i: number): string => `model-${i + 1}`

const overview = (models: readonly ModelReport[]): string => {
  const head = ["model", "learn", "parameters", "share", "float32", "forward", "training needs", "expectations"]
  const rows = models.map((model, i) => {
    const { name, trainable, total, flops, memory, expectations } = model
    const broken = expectations.filter(({ holds }) => !holds).length
    const held =
      expectations.length === 0
        ? "–"
        : broken === 0
          ? `<span class="yes">✓ ${expectations.length}</span>`
          : `<span class="no">✗ ${broken} of ${expectations.length}</span>`
    return `<tr><th scope="row"><a href="#${anchor(i)}">${escaped(name)}</a></th>${[
      cell(unit.exact(trainable), trainable),
      cell(unit.exact(total), total),
      cell(unit.percent(trainable, total), trainable / Math.max(1, total)),
      cell(unit.bytes(4 * trainable), trainable),
      cell(flops === undefined ? "–" : unit.flops(flops.forward), flops?.forward ?? 0),
      cell(memory === undefined ? "–" : unit.bytes(memory.training), memory?.training ?? 0),
      cell(held, broken),
    ].join("")}</tr>`
  })
  return table(
    "All models; a heading sorts by its column",
    head.map((name) => `<button type="button">${name}</button>`),
    rows,
  )
}

const fitsTable = ({ name, memory, flops, blocks }: ModelReport): readonly string[] => {
  if (memory === undefined) return []
  const learns = (flops?.backward ?? 0) > 0
  const rows = memory.fits.map((fit) => {
    const { device, bytes, inference, training } = fit
    const needs = needsOf(fit, memory)
    const verdict = (fits: boolean, n: number) =>
      cell(
        `<span class="${fits ? "yes" : "no"}">${fits ? "yes" : "no"}</span>, ${within(n, bytes)} of ${within(bytes, bytes)} ${bytes < 2 ** 30 ? "MiB" : "GB"}`,
      )
    return `<tr><th scope="row">${escaped(device)}</th>${verdict(inference, needs.inference)}${learns ? verdict(training, needs.training) : cell("–")}</tr>`
  })
  const more = learns ? reliefs(memory, blocks.length > 0 ? "block" : "module") : []
  return [
    "<h3>What fits</h3>",
    `<p>Peak memory, ${escaped(memoryBasis(memory))}. The largest buffer is ${unit.bytes(memory.largest.bytes)}, [${memory.largest.shape.join(", ")}] in <code>${escaped(memory.largest.from)}</code>.</p>`,
    table(`Memory that ${name} needs`, ["device", "segments", "trains"], rows),
    ...(more.length === 0
      ? []
      : [`<p>To train where it does not fit:</p><ul>${more.map((line) => `<li>${escaped(line)}</li>`).join("")}</ul>`]),
  ]
}

const partsTable = ({ name, parts, total, trainable }: ModelReport): string =>
  table(
    `Parts of ${name}`,
    ["part", "parameters", "learn", "float32", "state"],
    parts.map(
      (part) =>
        `<tr${part.trainable === 0 ? "" : ' class="learns"'}><th scope="row">${escaped(part.name)}</th>${cell(unit.exact(part.total))}${cell(unit.exact(part.trainable))}${cell(unit.bytes(4 * part.total))}${cell(part.trainable === 0 ? "frozen" : part.trainable === part.total ? "learns" : "learns in part")}</tr>`,
    ),
    `<tr><th scope="row">total</th>${cell(unit.exact(total))}${cell(unit.exact(trainable))}${cell(unit.bytes(4 * total))}${cell(unit.percent(trainable, total))}</tr>`,
  )

const modelHtml = (model: ModelReport, i: number, report: Report): string => {
  const { flops } = model
  const expectations = model.expectations.map(
    ({ text, holds, place }) =>
      `<li class="${holds ? "yes" : "no"}">${holds ? "✓" : "✗"} <code>${escaped(text)}</code>${place === undefined ? "" : ` ${escaped(place.file)}:${place.line}`}</li>`,
  )
  const picture = model.blocks.some(({ trainable }) => trainable > 0)
    ? [blocksSvg(model, { ...commonScale(report), id: `hatch-${i}` })]
    : []
  const folded = report.models.length > mostOpen
  const heading = `<h2${folded ? "" : ` id="${anchor(i)}"`}>${escaped(model.name)}</h2>`
  // A link to what is folded away unfolds it.
  const about = `<p class="family"${folded ? ` id="${anchor(i)}"` : ""}>${escaped(model.family)}. Learns ${unit.parameters(model.trainable)}.</p>`
  const [begin, end] = folded ? [`<details><summary>${heading}</summary>`, "</details>"] : [heading, ""]
  return [
    `<section>${begin}${about}`,
    ...picture,
    partsTable(model),
    ...(expectations.length === 0
      ? []
      : [`<h3>Expectations and budgets</h3><ul class="plain">${expectations.join("")}</ul>`]),
    ...(flops === undefined
      ? []
      : [
          `<p>Forward ${unit.flops(flops.forward)}, backward ${unit.flops(flops.backward)} (${escaped(flops.convention)}).</p>`,
        ]),
    ...fitsTable(model),
    ...treeHtml(model),
    `${end}</section>`,
  ].join("\n")
}

/** A page in this report's dress: nothing is fetched, nothing sent. */
export const page = (title: string, heading: string, body: string, hasam: string): string =>
  `<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">${policy}<title>${escaped(title)}</title><style>${style}</style></head><body><main>\n<h1>${escaped(heading)}</h1>\n${body}\n</main><footer><p class="family">hasam ${escaped(hasam)}</p></footer><script>${script}</script></body></html>\n`

export const reportHtml = (report: Report): string => {
  const { models, hasam } = report
  const title = models.length === 1 ? `${models[0]!.name}: hasam report` : "hasam report"
  const body = `${overview(models)}\n${models.map((model, i) => modelHtml(model, i, report)).join("\n")}`
  return page(title, "hasam report", body, hasam)
}
