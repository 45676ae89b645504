/** The list of what was found: its colour, name and area; which one clicks are about. */
import type { Spacing } from "../../runtime/data/images/stored.ts"
import { areaText, type Found } from "./regions.ts"

interface Listing {
  readonly found: readonly (Found | undefined)[]
  readonly spacing: Spacing | undefined
  readonly current: number
  readonly choosable: boolean
  readonly removable: boolean
  /** Of classes, the one that the brush draws. */
  readonly painted: number | undefined
  readonly choose: (object: number, value: number) => void
  readonly remove: (object: number) => void
}

export const listedObjects = (listing: Listing): readonly HTMLElement[] =>
  listing.found.flatMap((found, i) => (found === undefined ? [] : rowsOf(listing, i, found)))

const rowsOf = (
  { spacing, current, choosable, removable, painted, choose, remove }: Listing,
  i: number,
  { regions, points }: Found,
): readonly HTMLElement[] => {
  const rows = [
    ...regions.map(({ name, value, pixels, colour }) => ({
      name,
      value,
      text: areaText(pixels, spacing),
      colour: `rgb(${colour.join(" ")})`,
    })),
    ...points.map(({ x, y }) => ({
      name: "Point",
      value: 1,
      text: `x ${x.toFixed(1)}, y ${y.toFixed(1)}`,
      colour: "#ffe14d",
    })),
  ]
  return rows.map(({ name, value, text, colour }) => {
    const item = document.createElement("li")
    const swatch = document.createElement("span")
    swatch.className = "swatch"
    swatch.style.backgroundColor = colour
    const label = document.createElement(choosable ? "button" : "span")
    label.className = "name"
    label.textContent = `${name}: ${text}`
    item.append(swatch, label)
    const chosen = painted === undefined ? i === current : value === painted
    if (choosable) {
      item.classList.toggle("current", chosen)
      label.setAttribute("aria-pressed", String(chosen))
      label.onclick = () => choose(i, value)
    }
    if (removable) {
      const button = document.createElement("button")
      button.textContent = "Remove"
      button.setAttribute("aria-label", `Remove ${name}`)
      button.onclick = () => remove(i)
      item.append(button)
    }
    return item
  })
}
