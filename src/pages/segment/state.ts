/** What was asked and drawn, object by object, as plain data: each change gives a new state, and those before are kept for undo. */
import type { AskedPoint, Question } from "../../runtime/browser/question.ts"
import type { Stroke } from "./strokes.ts"

/** What the model is asked about an object, and what a person draws over its answer. */
export interface Target {
  readonly question: Question
  readonly strokes: readonly Stroke[]
}
export interface State {
  /** There is always one. */
  readonly objects: readonly Target[]
  /** The object that clicks are about. */
  readonly current: number
}
export interface History {
  readonly now: State
  readonly before: readonly State[]
  readonly after: readonly State[]
}

const nothing: Target = { question: { points: [] }, strokes: [] }
export const empty: State = { objects: [nothing], current: 0 }
export const started: History = { now: empty, before: [], after: [] }

export const isAsked = ({ points, box }: Question): boolean => points.length > 0 || box !== undefined
export const isEmpty = ({ question, strokes }: Target): boolean => !isAsked(question) && strokes.length === 0
const changed = ({ objects, current }: State, change: (target: Target) => Target): State => ({
  objects: objects.map((target, i) => (i === current ? change(target) : target)),
  current,
})

export const withPoint = (state: State, point: AskedPoint): State =>
  changed(state, ({ question, strokes }) => ({
    question: { ...question, points: [...question.points, point] },
    strokes,
  }))
export const withBox = (state: State, box: NonNullable<Question["box"]>): State =>
  changed(state, ({ question, strokes }) => ({ question: { ...question, box }, strokes }))
export const withStroke = (state: State, stroke: Stroke): State =>
  changed(state, ({ question, strokes }) => ({ question, strokes: [...strokes, stroke] }))
/** A new object; the one that is still empty, where there is one. */
export const withObject = ({ objects }: State): State => {
  const free = objects.findIndex(isEmpty)
  return free >= 0 ? { objects, current: free } : { objects: [...objects, nothing], current: objects.length }
}
export const chosen = ({ objects }: State, current: number): State => ({ objects, current })
export const without = ({ objects, current }: State, removed: number): State => {
  const left = objects.filter((_, i) => i !== removed)
  return left.length === 0
    ? empty
    : { objects: left, current: Math.min(left.length - 1, current > removed ? current - 1 : current) }
}

export const advance = ({ now, before }: History, next: State): History => ({
  now: next,
  before: [...before, now],
  after: [],
})
export const undone = (history: History): History => {
  const last = history.before.at(-1)
  if (last === undefined) return history
  return { now: last, before: history.before.slice(0, -1), after: [history.now, ...history.after] }
}
export const redone = (history: History): History => {
  const [next, ...after] = history.after
  return next === undefined ? history : { now: next, before: [...history.before, history.now], after }
}
