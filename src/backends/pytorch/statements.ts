/**
 * A module's steps as the statements of its forward: what is used once stands where it is used, as long as the line stays
 * readable; what has a name of its own (n1, x1: placement.ts) or is used again is a statement.
 */
import type { ModuleData } from "../../dsl/layer.ts"
import { type Alias, blocksOf, type Let, type Node } from "./blocks.ts"
import type { Tree } from "./expressions.ts"
import { argsOf, isNamed } from "./facts.ts"
import { type Expr, narrowest } from "./python.ts"

export interface Assign {
  readonly kind: "assign"
  readonly outs: readonly string[]
  readonly tree: Tree
}
/** `out = None` */
export interface Nothing {
  readonly kind: "nothing"
  readonly out: string
}
export interface If {
  readonly kind: "if"
  readonly given: string
  readonly yes: readonly Statement[]
  readonly no: readonly Statement[]
  readonly outs: readonly string[]
}
export interface Return {
  readonly kind: "return"
  readonly values: readonly Tree[]
}
export type Statement = Assign | Nothing | If | Return

/** How often a value is used, other than to ask whether it is there. */
const usesOf = (module: ModuleData): ReadonlyMap<string, number> => {
  const uses = new Map<string, number>()
  const used = [...module.steps.flatMap(argsOf), ...Object.values(module.outputs)]
  for (const value of used) uses.set(value, (uses.get(value) ?? 0) + 1)
  return uses
}

/** Room for what is right of `=`, and for one of its arguments on a line of its own. */
const room = 66
const deepest = 4

export const valuesIn = (tree: Tree): readonly string[] =>
  "value" in tree ? [tree.value] : tree.args.flatMap(valuesIn)
const isRead = (tree: Tree): boolean => "value" in tree || "read" in tree.step
/** Method chains are read from left to right: they add no depth. */
const chained = new Set(["rearrange", "slice", "repeatBatch", "cropLike", "add", "shift", "scale"])
const depth = (tree: Tree): number => {
  if ("value" in tree || "read" in tree.step) return 0
  const below = Math.max(0, ...tree.args.map(depth))
  return "fn" in tree.step && chained.has(tree.step.fn) ? below : 1 + below
}

/** Statements in order. `print` shows a tree as it will look, about. */
export const statementsOf = (module: ModuleData, print: (tree: Tree) => Expr): readonly Statement[] => {
  const uses = usesOf(module)
  const outputs = Object.values(module.outputs)
  const nameOf = new Map<Tree, string>()
  // Trees that wait for their one use.
  const waiting = new Map<string, Tree>()
  const wait = (value: string, tree: Tree): void => {
    waiting.set(value, tree)
    nameOf.set(tree, value)
  }
  const take = (value: string): Tree => {
    const tree = waiting.get(value)
    if (tree === undefined) return { value }
    if (!isRead(tree)) waiting.delete(value)
    return tree
  }
  const fits = (tree: Tree): boolean => {
    const e = print(tree)
    return depth(tree) <= deepest && (e.flat.length <= room || (narrowest(e) <= room && e.flat.length <= 2 * room))
  }
  const length = (tree: Tree): number => print(tree).flat.length

  /** Takes the longest out of these trees, as a statement of its own. */
  const withoutLongest = (trees: readonly Tree[], statements: Statement[]): readonly Tree[] | undefined => {
    const longest = trees.filter((tree) => !isRead(tree)).toSorted((a, b) => length(b) - length(a))[0]
    if (longest === undefined) return undefined
    const value = nameOf.get(longest)!
    statements.push({ kind: "assign", outs: [value], tree: longest })
    return trees.map((tree) => (tree === longest ? { value } : tree))
  }
  const fitted = (tree: Tree, statements: Statement[]): Tree => {
    if ("value" in tree || fits(tree)) return tree
    const args = withoutLongest(tree.args, statements)
    return args === undefined ? tree : fitted({ ...tree, args }, statements)
  }

  const walk = (nodes: readonly Node[]): readonly Statement[] => {
    const statements: Statement[] = []
    for (const node of nodes) {
      if (node.kind === "alias") alias(node, statements)
      else if (node.kind === "if") {
        const { given, outs } = node
        statements.push({ kind: "if", given, outs, yes: walk(node.yes), no: walk(node.no) })
      } else perform(node, statements)
    }
    return statements
  }
  const alias = ({ out, from }: Alias, statements: Statement[]): void => {
    statements.push(from === undefined ? { kind: "nothing", out } : { kind: "assign", outs: [out], tree: take(from) })
  }
  const perform = ({ step, index, outs }: Let, statements: Statement[]): void => {
    const [out] = outs as [string]
    if ("read" in step) {
      wait(out, { step, index, args: [] })
      return
    }
    const tree = fitted({ step, index, args: argsOf(step).map(take) }, statements)
    const named = isNamed(module, step, out) && !outputs.includes(out)
    if (outs.length === 1 && uses.get(out) === 1 && !named) wait(out, tree)
    else if (outs.some((o) => uses.has(o))) statements.push({ kind: "assign", outs, tree })
  }

  const body = [...walk(blocksOf(module.steps))]
  let values: readonly Tree[] = outputs.map(take)
  const total = (trees: readonly Tree[]) => trees.reduce((n, tree) => n + length(tree) + 2, 0)
  while (values.length > 1 && total(values) > room) {
    const fewer = withoutLongest(values, body)
    if (fewer === undefined) break
    values = fewer
  }
  return [...body, { kind: "return", values }]
}
