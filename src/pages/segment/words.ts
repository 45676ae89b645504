/** What the segment page says. */
import { plural, timeText } from "../shared/words.ts"

interface Taking {
  readonly points: boolean
  readonly box: boolean
  /** It answers with pixels. */
  readonly drawable: boolean
  /** By fingers alone: there is no Shift and no right button. */
  readonly touch: boolean
}

export const hintOf = ({ points, box, drawable, touch }: Taking): string => {
  if (!points && !box) return drawable ? "The model segments each image at once; the brush corrects it." : ""
  if (!points) return "Drag a box around what to segment."
  const click = touch
    ? "Tap what to segment; choose Outside for what does not belong to it."
    : "Click what to segment; Shift-click, or the right button, what does not belong to it."
  return `${click}${box ? " Or drag a box around it." : ""}`
}

export const readyText = ({ points, box, touch }: Taking, seconds: number): string =>
  points || box
    ? `Ready after ${timeText(seconds)}. ${points ? (touch ? "Tap" : "Click") : "Drag a box around"} what to segment.`
    : ""

/** How long it took, of the image that is open. Undefined: not yet. */
export interface Times {
  readonly image: number | undefined
  readonly answers: readonly number[]
}
export const noTimes: Times = { image: undefined, answers: [] }
export const timesText = ({ image, answers }: Times): string => {
  const looked = image === undefined ? [] : [`the model looked at the image for ${timeText(image)}, once`]
  const [first, ...others] = answers
  const answered = first === undefined ? [] : [`the first answer took ${timeText(first)}`]
  const since = others.length === 0 ? [] : [`the last ${timeText(others.at(-1) ?? 0)}`]
  const parts = [...looked, ...answered, ...since]
  return parts.length === 0 ? "" : `How long it took: ${parts.join(", ")}.`
}

export const keptText = (count: number): string =>
  `${plural(count, "image with its mask is", "images with their masks are")} kept in this browser to train on.`
