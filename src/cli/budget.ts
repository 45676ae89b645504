/** A file of budgets, kept apart from the specs: { "model": { "trainable": n, "bytes": n } }, "*" for every model. */
import { isLeft } from "fp-ts/lib/Either.js"
import * as t from "io-ts"
import { aboutFile, type Diagnostic, failed } from "../compiler/diagnostic.ts"
import type { Report } from "../compiler/report/report.ts"
import { exact } from "../compiler/report/units.ts"
import { readBytes } from "../runtime/files.ts"

const Budgets = t.record(t.string, t.partial({ trainable: t.number, bytes: t.number }))

export const overBudget = async (file: string, { models }: Report): Promise<readonly Diagnostic[]> => {
  let json: unknown
  try {
    json = JSON.parse((await readBytes(file)).toString("utf8"))
  } catch (problem) {
    if (problem instanceof SyntaxError)
      throw failed(file, "HS5001", "the budget file is not JSON", 'Write { "model": { "trainable": 7000000 } }.')
    throw problem
  }
  const decoded = Budgets.decode(json)
  if (isLeft(decoded))
    throw failed(
      file,
      "HS5001",
      "the budget file has not the right form",
      'Write { "model": { "trainable": 7000000 } }.',
    )
  return models.flatMap(({ name, trainable }) => {
    const limits = { ...decoded.right["*"], ...decoded.right[name] }
    const over = (what: string, is: number, most: number | undefined) =>
      most === undefined || is <= most
        ? []
        : [
            aboutFile(
              file,
              "HS1019",
              `'${name}' trains ${exact(is)} ${what}, ${exact(is - most)} over its budget of ${exact(most)}`,
            ),
          ]
    return [
      ...over("parameters", trainable, limits.trainable),
      ...over("bytes in float32", 4 * trainable, limits.bytes),
    ]
  })
}
