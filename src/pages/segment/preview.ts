/** The mask under the pointer: what a click there would give. One question at a time, the pointer's last place next; given up where answers are slow. */
import type { Question } from "../../runtime/browser/question.ts"
import type { Found } from "./regions.ts"
import type { At } from "./view.ts"

/** Milliseconds that a pointer rests before it is asked about: one that passes by is on its way to a click. */
const rest = 50
/** Seconds that an answer may take. */
const patience = 0.4

interface Ground {
  readonly send: (id: number, question: Question) => void
  /** What a click there would ask; undefined where it would ask nothing. */
  readonly questionAt: (at: At) => Question | undefined
  readonly changed: () => void
  /** Answers take so many seconds: too long to follow a pointer. */
  readonly slow: (seconds: number) => void
}
export interface Preview {
  /** The pointer is there; undefined: nowhere on the image. */
  readonly over: (at: At | undefined) => void
  readonly take: (id: number, found: Found, seconds: number) => void
  readonly found: () => Found | undefined
  /** A click was made: what is shown stays until its answer is there. */
  readonly hold: () => void
  readonly clear: () => void
}

export const previewBy = ({ send, questionAt, changed, slow }: Ground): Preview => {
  let wanted: At | undefined
  let asked: { readonly id: number; readonly at: At; readonly points: number } | undefined
  let shown: Found | undefined
  let timer: ReturnType<typeof setTimeout> | undefined
  let last = 0
  /** Numbers of points that were asked about: the first time a program is compiled. */
  const compiled = new Set<number>()

  const ask = (): void => {
    const question = wanted === undefined ? undefined : questionAt(wanted)
    if (question === undefined || wanted === undefined || asked !== undefined) return
    last += 1
    asked = { id: last, at: wanted, points: question.points.length }
    send(last, question)
  }
  const soon = (): void => {
    clearTimeout(timer)
    timer = setTimeout(ask, rest)
  }
  const hold = (): void => {
    clearTimeout(timer)
    wanted = undefined
  }
  const show = (found: Found | undefined): void => {
    if (found === shown) return
    shown = found
    changed()
  }
  return {
    over: (at) => {
      if (at?.x === wanted?.x && at?.y === wanted?.y) return
      if (at === undefined) {
        hold()
        return show(undefined)
      }
      wanted = at
      soon()
    },
    take: (id, found, seconds) => {
      if (asked?.id !== id) return
      const { at, points } = asked
      asked = undefined
      const first = !compiled.has(points)
      compiled.add(points)
      if (!first && seconds > patience) slow(seconds)
      if (wanted === undefined) return
      show(found)
      if (wanted.x !== at.x || wanted.y !== at.y) soon()
    },
    found: () => shown,
    hold,
    clear: () => {
      hold()
      asked = undefined
      show(undefined)
    },
  }
}
