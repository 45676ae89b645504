/** The data check's report as a person reads it. */
import type { DataReport, Diagnostic } from "../../runtime/browser/index.ts"
import { plural } from "../shared/words.ts"

/** One sentence about what there is. */
export const countsOf = ({ cases, subjects, sizes, images, masks }: DataReport): string => {
  const [largest] = sizes
  const parts = [
    plural(cases, "image with its mask", "images with their masks"),
    ...(subjects === null ? [] : [`of ${plural(subjects, "subject")}`]),
    ...(largest === undefined
      ? []
      : [sizes.length === 1 ? `all ${largest.width} × ${largest.height} pixels` : `of ${sizes.length} sizes`]),
    ...(images.colour > 0 && images.grey > 0 ? [`${images.grey} grey and ${images.colour} in colour`] : []),
    ...(masks.foreground === null
      ? []
      : [`what is to be found covers ${(100 * masks.foreground.mean).toFixed(1)} % of an image in the mean`]),
  ]
  return `${parts.join(", ")}.`
}

export const findingsOf = (diagnostics: readonly Diagnostic[]): readonly HTMLElement[] =>
  diagnostics
    .toSorted((a, b) => a.severity.localeCompare(b.severity))
    .map(({ severity, code, file, line, message, help }) => {
      const item = document.createElement("li")
      item.className = severity
      const place = `${file}${line > 0 ? `, line ${line}` : ""}`
      const strong = document.createElement("strong")
      strong.textContent = severity === "error" ? "To mend: " : "To know: "
      const cause = document.createElement("span")
      cause.textContent = `${place}: ${message}.`
      const cure = document.createElement("span")
      cure.className = "small"
      cure.textContent = ` ${help ?? ""} (${code})`
      item.append(strong, cause, cure)
      return item
    })
