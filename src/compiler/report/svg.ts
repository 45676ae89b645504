/**
 * Where does what learn? A picture for each model: its parts, hatched where they are frozen, and a bar for each block, of what was added there and learns.
 * Models beside one another have one scale.
 */
import { xml as escaped } from "./escape.ts"
import type { ModelReport, Report } from "./report.ts"
import * as unit from "./units.ts"

/** Colours that are told apart by readers who do not see red or green (Okabe and Ito 2008). */
const palette = ["#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00"]
/** A page may set these; a file of its own has ink on paper. */
const ink = "var(--ink, #222)"
const faint = "var(--faint, #777)"
const line = "var(--line, #d0d0d0)"
const paper = "var(--paper, #fff)"

const bar = 30
const gap = 8
const left = 64
const right = 16
const plotHeight = 150
/** Height of the hatched foot on which a block's bar stands: its frozen weights, not to scale. */
const foot = 10

type Block = ModelReport["blocks"][number]

/** What of a block learns, by placement; where a report does not say, in one piece. */
const piecesOf = ({ placements, trainable }: Block): readonly (readonly [name: string, count: number])[] =>
  placements === undefined
    ? [["learns", trainable]]
    : placements.flatMap(({ name, trainable }) => (trainable > 0 ? [[name, trainable] as const] : []))

/** 1, 2 or 5 times a power of ten: about four steps to the top. */
const stepOf = (most: number): number => {
  const power = 10 ** Math.floor(Math.log10(Math.max(1, most / 4)))
  return [1, 2, 5, 10].map((n) => n * power).find((step) => most / step <= 4.5) ?? 10 * power
}
const ticksOf = (most: number): readonly number[] => {
  const step = stepOf(most)
  return Array.from({ length: Math.floor(most / step) + 1 }, (_, i) => i * step)
}
const short = (n: number): string => unit.scaled(n).replace(/\.?0+(?= |$)/, "")

/** Lines of at most so many characters, broken where words end, or else anywhere. */
const wrapped = (text: string, most: number): readonly string[] => {
  const lines: string[] = []
  let rest = text
  while (rest.length > most) {
    const space = rest.lastIndexOf(" ", most)
    const at = space > most / 2 ? space : most
    lines.push(rest.slice(0, at))
    rest = rest.slice(at).trimStart()
  }
  return [...lines, rest]
}

const text = (x: number, y: number, content: string, more = ""): string =>
  `<text x="${x}" y="${y}" ${more}>${escaped(content)}</text>`

const hatch = (id: string): string =>
  `<pattern id="${id}" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)"><rect width="6" height="6" fill="${paper}"/><line x1="0" y1="0" x2="0" y2="6" stroke="${faint}" stroke-width="1.6"/></pattern>`

/** Parts as boxes in a row, as wide as their names; hatched where frozen. */
const partsRow = (model: ModelReport, y: number, width: number, id: string): { svg: string; height: number } => {
  let x = left
  let row = 0
  const boxes = model.parts.map(({ name, total, trainable }) => {
    const label = `${name} ${short(total)}`
    const w = Math.ceil(label.length * 6.4) + 18
    if (x + w > width - right && x > left) {
      x = left
      row += 1
    }
    const state = trainable === 0 ? "frozen" : trainable === total ? "learns" : "learns in part"
    const top = y + row * 30
    const fill = trainable === 0 ? `url(#${id})` : palette[0]!
    const half = trainable > 0 && trainable < total
    const box = [
      `<g><title>${escaped(`${name}: ${unit.exact(trainable)} of ${unit.counted(total, "parameter")} learn; ${state}`)}</title>`,
      `<rect x="${x}" y="${top}" width="${w}" height="22" rx="3" fill="${half ? `url(#${id})` : fill}" stroke="${faint}"/>`,
      ...(half ? [`<rect x="${x}" y="${top}" width="${w / 2}" height="22" rx="3" fill="${palette[0]}"/>`] : []),
      `<rect x="${x + 5}" y="${top + 3}" width="${w - 10}" height="16" rx="2" fill="${paper}"/>`,
      text(x + w / 2, top + 15, label, 'text-anchor="middle" font-size="11"'),
      "</g>",
    ].join("")
    x += w + 8
    return box
  })
  return { svg: boxes.join("\n"), height: (row + 1) * 30 }
}

/** Each rank once, in its placement's colour where placements differ. */
const rankLabels = (ranks: Block["ranks"], colorOf: (name: string) => string) => {
  const entries = Object.entries(ranks)
  const [first] = entries
  if (first === undefined) return []
  return entries.every(([, rank]) => rank === first[1])
    ? [{ rank: first[1], color: ink }]
    : entries.map(([name, rank]) => ({ rank, color: colorOf(name) }))
}

/** What the picture of a model needs to know of its neighbours. */
interface Scale {
  /** Parameters at the top of the axis. */
  readonly most: number
  /** What learns, by the names of placements: each has one colour. */
  readonly names: readonly string[]
  /** Of ids within a document. */
  readonly id: string
}

const widthOf = ({ blocks }: ModelReport): number => Math.max(520, left + right + blocks.length * (bar + gap))

const namesOf = (models: readonly ModelReport[]): readonly string[] => [
  ...new Set(models.flatMap(({ blocks }) => blocks.flatMap((block) => piecesOf(block).map(([name]) => name)))),
]

/** One scale and one set of colours for all models of a report. */
export const commonScale = ({ models }: Pick<Report, "models">): Omit<Scale, "id"> => ({
  most: Math.max(1, ...models.flatMap(({ blocks }) => blocks.map(({ trainable }) => trainable))),
  names: namesOf(models),
})

/** A model's picture, and how large it is. */
const drawn = (model: ModelReport, { most, id, names: all }: Scale): { svg: string; width: number; height: number } => {
  const width = widthOf(model)
  const names = namesOf([model])
  const colorOf = (name: string) => palette[Math.max(0, all.indexOf(name)) % palette.length]!
  const pieces: string[] = []
  let y = 20
  for (const part of wrapped(model.name, Math.floor((width - 24) / 9.6))) {
    pieces.push(text(12, y, part, 'font-size="14" font-weight="600"'))
    y += 18
  }
  pieces.push(text(12, y, `learns ${unit.parameters(model.trainable)} of ${unit.exact(model.total)}`, 'font-size="11"'))
  const parts = partsRow(model, y + 10, width, id)
  pieces.push(parts.svg)
  y += 10 + parts.height
  if (names.length > 0) {
    const labelLines = Math.max(...model.blocks.map(({ ranks }) => rankLabels(ranks, colorOf).length))
    const top = y + 26 + 11 * labelLines
    const floor = top + plotHeight
    const heightOf = (count: number) => (plotHeight * count) / most
    for (const tick of ticksOf(most)) {
      const at = floor - heightOf(tick)
      pieces.push(`<line x1="${left}" x2="${width - right}" y1="${at}" y2="${at}" stroke="${line}"/>`)
      pieces.push(text(left - 6, at + 3.5, short(tick), `text-anchor="end" font-size="10" fill="${faint}"`))
    }
    pieces.push(
      text(12, y + 16, "parameters of a block that learn, with their ranks", `font-size="10" fill="${faint}"`),
    )
    model.blocks.forEach((block, i) => {
      const x = left + gap / 2 + i * (bar + gap)
      const said = Object.entries(block.ranks).map(([name, rank]) => `, ${name} rank ${rank}`)
      const title = `block ${block.index} (${block.kind}): ${unit.counted(block.trainable, "parameter")} learn${said.join("")}`
      pieces.push(`<g><title>${escaped(title)}</title>`)
      pieces.push(
        `<rect x="${x}" y="${floor}" width="${bar}" height="${foot}" fill="url(#${id})" stroke="${faint}" stroke-width=".6"/>`,
      )
      let at = floor
      for (const [name, count] of piecesOf(block)) {
        const h = heightOf(count)
        at -= h
        pieces.push(
          `<rect x="${x}" y="${at.toFixed(1)}" width="${bar}" height="${h.toFixed(1)}" fill="${colorOf(name)}"/>`,
        )
      }
      const labels = rankLabels(block.ranks, colorOf)
      labels.forEach(({ rank, color }, k) => {
        const style = `text-anchor="middle" font-size="10" fill="${color}"`
        pieces.push(text(x + bar / 2, at - 4 - 11 * (labels.length - 1 - k), `${rank}`, style))
      })
      pieces.push(text(x + bar / 2, floor + foot + 13, `${block.index}`, 'text-anchor="middle" font-size="10"'))
      if (block.kind === "global")
        pieces.push(`<circle cx="${x + bar / 2}" cy="${floor + foot + 20}" r="2.6" fill="${ink}"/>`)
      pieces.push("</g>")
    })
    pieces.push(text(12, floor + foot + 13, "block", `font-size="10" fill="${faint}"`))
    y = floor + foot + 40
    const key: readonly (readonly [sign: (x: number, y: number) => string, label: string])[] = [
      ...names.map(
        (name) =>
          [
            (x: number, y: number) => `<rect x="${x}" y="${y - 9}" width="11" height="11" fill="${colorOf(name)}"/>`,
            name === "own" ? "the block's own weights" : name,
          ] as const,
      ),
      [
        (x, y) =>
          `<rect x="${x}" y="${y - 9}" width="11" height="11" fill="url(#${id})" stroke="${faint}" stroke-width=".6"/>`,
        "frozen (not to scale)",
      ],
      ...(model.blocks.some(({ kind }) => kind === "global")
        ? [
            [
              (x: number, y: number) => `<circle cx="${x + 5}" cy="${y - 4}" r="2.6" fill="${ink}"/>`,
              "global attention",
            ] as const,
          ]
        : []),
    ]
    let x = left
    for (const [sign, label] of key) {
      const w = 11 + 6 + label.length * 6 + 18
      if (x + w > width && x > left) {
        x = left
        y += 18
      }
      pieces.push(sign(x, y), text(x + 17, y, label, 'font-size="11"'))
      x += w
    }
  }
  return { svg: `<defs>${hatch(id)}</defs>\n${pieces.join("\n")}`, width, height: y + 14 }
}

const document = (inner: string, width: number, height: number, label: string): string =>
  `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" font-family="system-ui, 'DejaVu Sans', Arial, sans-serif" fill="${ink}" role="img" aria-label="${escaped(label)}">\n${inner}\n</svg>`

/** One model's picture, to stand in a page. `scale` makes pictures comparable. */
export const blocksSvg = (
  model: ModelReport,
  scale: Scale = { ...commonScale({ models: [model] }), id: "hatch" },
): string => {
  const { svg, width, height } = drawn(model, scale)
  return document(svg, width, height, `${model.name}: what learns in each block`)
}

/** All models, two beside one another, as one file. */
export const reportSvg = (report: Report): string => {
  const pictures = report.models.map((model, i) => drawn(model, { ...commonScale(report), id: `hatch-${i}` }))
  const columns = pictures.length > 1 ? 2 : 1
  const rows = Array.from({ length: Math.ceil(pictures.length / columns) }, (_, i) =>
    pictures.slice(i * columns, (i + 1) * columns),
  )
  const columnWidth = Math.max(0, ...pictures.map(({ width }) => width)) + 12
  let y = 0
  const placed = rows.map((row) => {
    const inner = row.map(({ svg }, i) => `<g transform="translate(${i * columnWidth} ${y})">${svg}</g>`).join("\n")
    y += Math.max(...row.map(({ height }) => height)) + 10
    return inner
  })
  const width = columns * columnWidth
  return `${document(`<rect width="100%" height="100%" fill="${paper}"/>\n${placed.join("\n")}`, width, y, "what learns in each block")}\n`
}
