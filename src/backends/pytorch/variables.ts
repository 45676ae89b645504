/**
 * Names for the values of a forward. A value that is needed no more gives its name to what is made of it, as one writes
 * `x = self.norm(x)`; so names are chosen with an eye on what is still needed.
 */
import type { ModuleData } from "../../dsl/layer.ts"
import type { Tree } from "./expressions.ts"
import { calledLayer, isNamed, outsOf } from "./facts.ts"
import { snake } from "./python.ts"
import { type Statement, valuesIn } from "./statements.ts"

type Values = ReadonlySet<string>

const without = (set: Values, values: readonly string[]): Values => new Set([...set].filter((v) => !values.includes(v)))
const union = (...sets: readonly Iterable<string>[]): Values => new Set(sets.flatMap((set) => [...set]))

/** Goes backwards: notes what is needed after each statement, and gives what is needed before them all. */
const needed = (statements: readonly Statement[], after: Values, needs: Map<Statement, Values>): Values =>
  statements.reduceRight<Values>((live, statement) => {
    needs.set(statement, live)
    switch (statement.kind) {
      case "assign":
        return union(without(live, statement.outs), valuesIn(statement.tree))
      case "nothing":
        return without(live, [statement.out])
      case "return":
        return union(live, statement.values.flatMap(valuesIn))
      case "if":
        return union([statement.given], needed(statement.yes, live, needs), needed(statement.no, live, needs))
    }
  }, after)

/** What a child's inputs and outputs are called, for values that go in or come out. */
const callee = (module: ModuleData, name: string) => {
  const layer = calledLayer(module, name)
  return layer.kind === "module" ? { inputs: layer.inputs, outputs: Object.keys(layer.outputs) } : undefined
}

type NameOf = (value: string) => string | undefined

const firstOf = (tree: Tree): string | undefined =>
  "value" in tree ? tree.value : tree.args.map(firstOf).find((value) => value !== undefined)

/** What a function's value is called, where no variable lends its name. */
const nouns: Readonly<Record<string, string>> = {
  add: "total",
  mul: "product",
  matmul: "product",
  concat: "joined",
  attention: "attended",
  relPosAttention: "attended",
  windows: "windowed",
  resize: "resized",
  resizeTo: "resized",
  padTo: "padded",
  cropLike: "cropped",
  pixelCentres: "centres",
  constant: "filled",
  repeatBatch: "repeated",
  repeatEach: "repeated",
  meanEach: "mean",
  slice: "part",
  rearrange: "arranged",
  softmax: "weights",
  mean: "mean",
}
/** Values of these are of another kind than their first argument. */
const unlike = new Set([
  "equals",
  "matmul",
  "attention",
  "relPosAttention",
  "concat",
  "repeatBatch",
  "sin",
  "cos",
  "softmax",
])

const isConstant = (tree: Tree): boolean => {
  if ("value" in tree || !("fn" in tree.step)) return false
  return tree.step.fn === "constant" || (tree.args.length > 0 && isConstant(tree.args[0]!))
}

/** Names for a value by what it is, best first. */
const byOrigin = (module: ModuleData, tree: Tree, value: string, name: NameOf): readonly string[] => {
  if ("value" in tree) return [name(tree.value) ?? tree.value]
  const { step, args } = tree
  const first = firstOf(tree)
  const kept = first === undefined ? undefined : name(first)
  if ("read" in step) return [step.read]
  if ("call" in step) {
    const out = callee(module, step.call)?.outputs[step.outs.indexOf(value)]
    return [out === "out" ? undefined : out, kept, step.call].filter((n) => n !== undefined)
  }
  if (isConstant(tree)) return [nouns["constant"]!]
  const both = args.map((arg) => ("value" in arg ? name(arg.value) : undefined))
  const joint = { add: "plus", mul: "times" }[step.fn as string]
  return [
    step.fn === "equals" ? `is_${step.attrs["value"]}`.replace("-", "minus_") : undefined,
    unlike.has(step.fn) ? undefined : kept,
    joint !== undefined && both[0] && both[1] ? `${both[0]}_${joint}_${both[1]}` : undefined,
    nouns[step.fn],
  ].filter((n) => n !== undefined)
}

/** Where a value goes, through a sum or a shift: a name by an output of this module, or by an input of a child. */
const destinations = (module: ModuleData, statements: readonly Statement[]): ReadonlyMap<string, readonly string[]> => {
  const found = new Map<string, string[]>()
  const add = (value: string, name: string) => {
    if (name !== "out" && name !== "x") found.set(value, [...(found.get(value) ?? []), name])
  }
  for (const [name, value] of Object.entries(module.outputs)) add(value, name)
  const passed = (tree: Tree): string | undefined => {
    if ("value" in tree) return tree.value
    return "fn" in tree.step && ["shift", "scale"].includes(tree.step.fn) ? passed(tree.args[0]!) : undefined
  }
  const inTree = (tree: Tree): void => {
    if ("value" in tree) return
    const { step, args } = tree
    args.forEach(inTree)
    if (!("call" in step)) return
    const inputs = callee(module, step.call)?.inputs ?? []
    args.forEach((arg, i) => {
      const value = passed(arg)
      if (value !== undefined && inputs[i] !== undefined) add(value, inputs[i])
    })
  }
  const walk = (list: readonly Statement[]): void => {
    for (const s of list) {
      if (s.kind === "assign") inTree(s.tree)
      if (s.kind === "return") s.values.forEach(inTree)
      if (s.kind === "if") [s.yes, s.no].forEach(walk)
    }
  }
  walk(statements)
  return found
}

/** Value → variable. Inputs, and what the forward named, keep their names. */
export const variables = (module: ModuleData, statements: readonly Statement[]): ReadonlyMap<string, string> => {
  const needs = new Map<Statement, Values>()
  needed(statements, new Set(), needs)
  const goes = destinations(module, statements)
  const names = new Map(module.inputs.map((input) => [input, snake(input)]))
  const own = new Set(module.steps.flatMap((step) => outsOf(step).filter((out) => isNamed(module, step, out))))

  /** What is needed after each of the places where a value is assigned. */
  const assignments = new Map<string, Values[]>()
  const nothings = new Set<string>()
  for (const [statement, after] of needs) {
    const outs = statement.kind === "assign" ? statement.outs : statement.kind === "nothing" ? [statement.out] : []
    for (const out of outs) assignments.set(out, [...(assignments.get(out) ?? []), after])
    if (statement.kind === "nothing") nothings.add(statement.out)
  }

  const choose = (value: string, tree: Tree | undefined): void => {
    if (names.has(value)) return
    const free = (candidate: string): boolean =>
      assignments.get(value)!.every((after) => [...after].every((v) => v === value || names.get(v) !== candidate))
    const before = /^(\w+?)_before_/.exec(value)?.[1]
    const candidates = [
      ...(own.has(value) ? [value] : []),
      ...(before === undefined ? [] : [before]),
      ...(goes.get(value) ?? []),
      // What may be None is a variable of its own.
      ...(tree === undefined || nothings.has(value) ? [] : byOrigin(module, tree, value, (v) => names.get(v))),
    ]
      .filter((candidate) => candidate.length <= 28)
      .map(snake)
    names.set(value, candidates.find(free) ?? numbered(candidates.at(-1) ?? "value", free))
  }
  const walk = (list: readonly Statement[]): void => {
    for (const s of list) {
      if (s.kind === "assign") for (const out of s.outs) choose(out, s.tree)
      if (s.kind === "nothing") choose(s.out, undefined)
      if (s.kind === "if") [s.yes, s.no].forEach(walk)
    }
  }
  walk(statements)
  return names
}

const numbered = (base: string, free: (name: string) => boolean): string => {
  for (let n = 2; ; n++) if (free(`${base}_${n}`)) return `${base}_${n}`
}
