/** A module's steps as nested blocks: what holds under a condition stands in the condition's branch. */
import type { Step } from "../../dsl/layer.ts"

export interface Let {
  readonly kind: "let"
  readonly outs: readonly string[]
  readonly step: Step
  /** Its number among the module's steps. */
  readonly index: number
}
/** `out = from`, at the end of a branch; without `from`, out = None. */
export interface Alias {
  readonly kind: "alias"
  readonly out: string
  readonly from?: string
}
export interface Branch {
  readonly kind: "if"
  /** The input that is asked about. */
  readonly given: string
  readonly yes: readonly Node[]
  readonly no: readonly Node[]
  readonly outs: readonly string[]
}
export type Node = Let | Alias | Branch

const outsOf = (step: Step): readonly string[] => ("outs" in step ? step.outs : [step.out])

interface Numbered {
  readonly step: Step
  readonly index: number
}

const nest = (steps: readonly Numbered[], depth: number): readonly Node[] => {
  const nodes: Node[] = []
  let pending: Numbered[] = []
  for (const numbered of steps) {
    const { step, index } = numbered
    if ((step.when?.length ?? 0) > depth) {
      pending.push(numbered)
      continue
    }
    if ("fn" in step && step.fn === "either") {
      const given = step.attrs["given"] as string
      const under = (which: "present" | "absent") =>
        pending.filter(({ step }) => (step.when![depth] as Readonly<Record<string, string>>)[which] === given)
      const [yes, no] = step.args
      const branch = (which: "present" | "absent", from: string | undefined): readonly Node[] => [
        ...nest(under(which), depth + 1),
        { kind: "alias", out: step.out, ...(from === undefined ? {} : { from }) },
      ]
      nodes.push({ kind: "if", given, yes: branch("present", yes), no: branch("absent", no), outs: [step.out] })
      pending = []
    } else nodes.push({ kind: "let", outs: outsOf(step), step, index })
  }
  if (pending.length > 0) throw new Error("internal: steps under a condition that no either ends")
  return merged(nodes)
}

/** Neighbours that ask about the same input become one. */
const merged = (nodes: readonly Node[]): readonly Node[] =>
  nodes.reduce<readonly Node[]>((done, node) => {
    const last = done.at(-1)
    if (node.kind !== "if" || last?.kind !== "if" || last.given !== node.given) return [...done, node]
    const both: Branch = {
      ...last,
      yes: [...last.yes, ...node.yes],
      no: [...last.no, ...node.no],
      outs: [...last.outs, ...node.outs],
    }
    return [...done.slice(0, -1), both]
  }, [])

/** Steps, in order, as blocks. */
export const blocksOf = (steps: readonly Step[]): readonly Node[] =>
  nest(
    steps.map((step, index) => ({ step, index })),
    0,
  )
