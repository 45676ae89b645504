/** What a pointer over a name shows: a model's counts and its blocks as bars; a placement's equation. */
import { plain } from "../../compiler/report/colors.ts"
import type { ModelReport } from "../../compiler/report/report.ts"
import { modelText } from "../../compiler/report/text.ts"

/** With x the block's input, n₁ = norm1(x), a = attention(n₁) and its projection, x₁ = x + a, n₂ = norm2(x₁), m = mlp(n₂). */
const equations: Readonly<Record<string, string>> = {
  afterAttention: "x₁ = x + A(a)",
  afterMlp: "out = x₁ + A(m)",
  inMlpResidual: "out = A(x₁) + m",
  besideMlp: "out = x₁ + m + scale · A(n₂)",
  besideMlpResidual: "out = x₁ + m + scale · A(x₁)",
  lora: "W x + (alpha / rank) · B A x,  A: [rank, in], B: [out, rank], B = 0 at first",
}
const letters = "x: the block's input, a: attention with its projection, x₁ = x + a, n₂ = norm2(x₁), m = mlp(n₂)"

/** The word at a column of a line; columns count from 0. */
export const wordAt = (line: string, column: number): string | undefined =>
  [...line.matchAll(/[\w$]+/g)].find(({ index, 0: word }) => index <= column && column <= index + word.length)?.[0]

/** Markdown for a word, or nothing. */
export const hoverOf = (word: string, models: readonly ModelReport[]): string | undefined => {
  const model = models.find(({ name }) => name === word)
  if (model !== undefined) return `\`\`\`text\n${modelText(model, { colors: plain })}\n\`\`\``
  const equation = Object.hasOwn(equations, word) ? equations[word] : undefined
  return equation === undefined ? undefined : `**${equation}**\n\n${letters}`
}
