/** A module's forward, in Python. */
import type { ModuleData } from "../../dsl/layer.ts"
import type { ClassData } from "./classes.ts"
import { type Names, printer, type Tree } from "./expressions.ts"
import { assign, call, columns, laidOut, number, snake } from "./python.ts"
import { type Assign, type If, type Statement, statementsOf } from "./statements.ts"
import { variables } from "./variables.ts"

export interface Forward {
  readonly lines: readonly string[]
  /** Numbers that it reads as self.… */
  readonly stored: ReadonlySet<string>
}

/** About as long as the variable will be. */
const estimated: Names = {
  of: (value) => (value.length > 10 && /\d$/.test(value) ? "x".repeat(8) : value),
  known: new Set(),
}

/** Other optional inputs that a branch uses as if they were there. */
const assumed = (module: ModuleData, list: readonly Statement[], known: ReadonlySet<string>): readonly string[] => {
  const found = new Set<string>()
  const inTree = (tree: Tree, passed: boolean): void => {
    if ("value" in tree) {
      if (!passed && module.optional.includes(tree.value) && !known.has(tree.value)) found.add(tree.value)
    } else for (const arg of tree.args) inTree(arg, "call" in tree.step)
  }
  const walk = (statements: readonly Statement[], asked: ReadonlySet<string>): void => {
    for (const s of statements) {
      if (s.kind === "assign") inTree(s.tree, false)
      if (s.kind === "if") {
        walk(s.yes, new Set([...asked, s.given]))
        walk(s.no, asked)
      }
    }
  }
  walk(list, known)
  return [...found]
}

/** The lines below `def forward(…):`. `returns`: the named tuple for the outputs. */
export const forwardOf = (of: ClassData, helper: (name: string) => string, returns?: string): Forward => {
  const { module, argumentAt } = of
  const stored = new Set<string>()
  const flags = new Set(module.flags)
  const print = printer(
    module,
    (index, attr, value) => {
      const argument = argumentAt.get(`step ${index}:${attr}`)
      if (argument === undefined) return number(value)
      stored.add(argument.name)
      return `self.${argument.name}`
    },
    helper,
  )
  const statements = statementsOf(module, (tree) => print(tree, estimated))
  const named = variables(module, statements)
  const nameOf = (value: string) => (value === "" ? "None" : (named.get(value) ?? snake(value)))

  const isNoOp = (s: Statement): boolean =>
    s.kind === "assign" && "value" in s.tree && s.outs.length === 1 && nameOf(s.outs[0]!) === nameOf(s.tree.value)
  const asks = (given: string, yes: boolean): string =>
    flags.has(given) ? `${yes ? "" : "not "}${nameOf(given)}` : `${nameOf(given)} is ${yes ? "not " : ""}None`

  const branch = (s: If, indent: number, known: ReadonlySet<string>): readonly string[] => {
    const pad = " ".repeat(indent)
    const says = (t: Statement) => !isNoOp(t) && t.kind !== "nothing"
    const [yes, no] = [s.yes.filter(says), s.no.filter(says)]
    const before = s.no.flatMap((t) => (t.kind === "nothing" ? [`${pad}${nameOf(t.out)}: Tensor | None = None`] : []))
    const there = flags.has(s.given) ? known : new Set([...known, s.given])
    const assumes = assumed(module, s.yes, there).filter((input) => !flags.has(input))
    const knownInside = new Set([...there, ...assumes])
    if (yes.length === 0)
      return no.length === 0
        ? before
        : [...before, `${pad}if ${asks(s.given, false)}:`, ...block(no, indent + 4, known)]
    const short = assumes.length === 0 ? ternary(s, yes, no, pad, knownInside, known) : undefined
    if (short !== undefined) return [...before, short]
    return [
      ...before,
      `${pad}if ${asks(s.given, true)}:`,
      ...assumes.map((input) => `${pad}    assert ${nameOf(input)} is not None, "${s.given} need ${input}"`),
      ...block(yes, indent + 4, knownInside),
      ...(no.length === 0 ? [] : [`${pad}else:`, ...block(no, indent + 4, known)]),
    ]
  }

  const ternary = (
    s: If,
    yes: readonly Statement[],
    no: readonly Statement[],
    pad: string,
    inYes: ReadonlySet<string>,
    inNo: ReadonlySet<string>,
  ): string | undefined => {
    if (yes.length !== 1 || no.length !== 1 || yes[0]!.kind !== "assign" || no[0]!.kind !== "assign") return undefined
    const text = ({ tree }: Assign, known: ReadonlySet<string>) => print(tree, { of: nameOf, known }).flat
    const line = `${pad}${nameOf(yes[0]!.outs[0]!)} = ${text(yes[0]!, inYes)} if ${asks(s.given, true)} else ${text(no[0]!, inNo)}`
    return line.length <= columns ? line : undefined
  }

  const block = (list: readonly Statement[], indent: number, known: ReadonlySet<string>): readonly string[] =>
    list.flatMap((s) => {
      const show = (tree: Tree) => print(tree, { of: nameOf, known })
      if (isNoOp(s)) return []
      switch (s.kind) {
        case "assign":
          return assign(s.outs.map(nameOf).join(", "), show(s.tree), indent)
        case "nothing":
          return [`${" ".repeat(indent)}${nameOf(s.out)} = None`]
        case "if":
          return branch(s, indent, known)
        case "return": {
          const values = s.values.map(show)
          if (returns !== undefined) return laidOut("return ", call(returns, ...values), "", indent)
          if (values.length === 1) return laidOut("return ", values[0]!, "", indent)
          return [`${" ".repeat(indent)}return ${values.map(({ flat }) => flat).join(", ")}`]
        }
      }
    })

  stored.clear()
  return { lines: block(statements, 8, new Set()), stored }
}
