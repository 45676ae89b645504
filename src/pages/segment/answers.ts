/** Questions that wait for the worker, and what it said: a question is never changed, so its answer belongs to it for good, and undo asks nothing again. */
import type { Question } from "../../runtime/browser/question.ts"
import type { Found } from "./regions.ts"

export interface Answers {
  readonly of: (question: Question) => Found | undefined
  /** Asks what was not asked yet. */
  readonly ask: (questions: readonly Question[]) => void
  /** False where the question is of an image or a worker that is gone. */
  readonly take: (id: number, found: Found) => boolean
  /** Another image: nothing that was said holds. */
  readonly forget: () => void
  /** What is asked is not answered any more. */
  readonly drop: () => void
}

export const answersBy = (send: (id: number, question: Question) => void): Answers => {
  let known = new WeakMap<Question, Found>()
  const waiting = new Map<number, Question>()
  let last = 0
  return {
    of: (question) => known.get(question),
    ask: (questions) => {
      for (const question of questions) {
        if (known.has(question) || [...waiting.values()].includes(question)) continue
        last += 1
        waiting.set(last, question)
        send(last, question)
      }
    },
    take: (id, found) => {
      const question = waiting.get(id)
      waiting.delete(id)
      if (question === undefined) return false
      known.set(question, found)
      return true
    },
    forget: () => {
      waiting.clear()
      known = new WeakMap()
    },
    drop: () => waiting.clear(),
  }
}
