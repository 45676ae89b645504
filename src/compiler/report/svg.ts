/** What learns in each block, as a picture: bars side by side for each model. */
import type { ModelReport, Report } from "./report.ts"
import * as unit from "./units.ts"

export const escaped = (text: string): string =>
  text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;")

const bar = 26
const gap = 6
const height = 150

/** One model's blocks; deep enough to read, as wide as it has blocks. */
export const blocksSvg = (model: ModelReport): string => {
  const most = Math.max(1, ...model.blocks.map(({ trainable }) => trainable))
  const width = Math.max(440, model.blocks.length * (bar + gap) + 20)
  const bars = model.blocks.map(({ index, trainable, kind, ranks }, i) => {
    const h = Math.round((height * trainable) / most)
    const x = 10 + i * (bar + gap)
    const title = `block ${index} (${kind}): ${unit.exact(trainable)} parameters learn${Object.entries(ranks)
      .map(([name, rank]) => `, ${name} rank ${rank}`)
      .join("")}`
    const rank = Object.values(ranks)[0]
    return [
      `<g><title>${escaped(title)}</title>`,
      `<rect x="${x}" y="${30 + height - h}" width="${bar}" height="${h}" fill="${kind === "global" ? "#0b5394" : "#6fa8dc"}"/>`,
      ...(rank === undefined
        ? []
        : [`<text x="${x + bar / 2}" y="${26 + height - h}" text-anchor="middle" font-size="10">${rank}</text>`]),
      `<text x="${x + bar / 2}" y="${44 + height}" text-anchor="middle" font-size="10">${index}</text></g>`,
    ].join("")
  })
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height + 54}" viewBox="0 0 ${width} ${height + 54}" font-family="system-ui, sans-serif" fill="#222" role="img">`,
    `<text x="10" y="14" font-size="12" font-weight="600">${escaped(model.name)}: ${escaped(unit.parameters(model.trainable))}</text>`,
    ...bars,
    "</svg>",
  ].join("\n")
}

/** All models below one another in one picture. */
export const reportSvg = ({ models }: Report): string => {
  const parts = models.map(blocksSvg)
  const width = Math.max(...parts.map((part) => Number(/width="(\d+)"/.exec(part)![1])))
  const step = height + 70
  const inner = parts.map((part, i) => `<g transform="translate(0 ${i * step})">${part}</g>`)
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${models.length * step}" viewBox="0 0 ${width} ${models.length * step}">\n<rect width="100%" height="100%" fill="white"/>\n${inner.join("\n")}\n</svg>\n`
}
