/** A program as a StableHLO module: one function, its arguments the program's tensors, its results the outputs. */
import type { Node, OpKind, Program, Shape } from "../../../compiler/ir/graph.ts"
import { decompose } from "../../../compiler/passes/decompose.ts"
import type { Precision } from "../../../dsl/training.ts"
import { isFused, widened } from "../fused.ts"
import { fusedAttentionGrad } from "./fused.ts"
import { kept, rules } from "./lower.ts"
import type { Rule } from "./rule.ts"
import { quoted, tensorType } from "./text.ts"
import { type Value, Writer } from "./writer.ts"

/** All of attention's scores, unless memory is scarce. */
export const scoresAtOnce = Number.MAX_SAFE_INTEGER

export interface EmitOptions {
  readonly precision?: Precision
  /** Scores of attention at a time; all of them if it is left out. */
  readonly scores?: number
  /** tf32 by rounding operands, whatever the device's products are. */
  readonly emulated?: boolean
  /** Attention of many tokens by cuDNN's kernel. Its operands have 16 bits. */
  readonly fused?: boolean
}
export interface Named {
  readonly name: string
  readonly shape: Shape
}
export interface Module {
  readonly text: string
  /** In the order of the arguments. */
  readonly inputs: readonly Named[]
  /** In the order of the results. */
  readonly outputs: readonly Named[]
}

/** Composites are decomposed, attention whole unless `scores` says otherwise: XLA fuses and plans what is left. */
export const emit = ({ graph, state }: Program, options: EmitOptions = {}): Module => {
  const { precision = "float32", scores = scoresAtOnce, fused = false, emulated = false } = options
  const whole = (node: Node, operands: readonly Node[]) => kept.has(node.op) || (fused && isFused(node, operands))
  const { nodes, outputs } = decompose(fused ? widened(graph) : graph, { keep: whole, scores })
  const w = new Writer(precision, emulated)
  const inputs: Named[] = []
  const values: string[] = []
  /** Results of what gives several. */
  const parts = new Map<number, readonly string[]>()
  /** What was computed last, and not again. */
  let latest: Value | undefined
  /** An operand. What is computed again gets its operands from behind a barrier, or XLA would keep what it computed before. */
  const operand = (node: Node, input: number): string => {
    const from = nodes[input]!
    const value = values[input]!
    const outside =
      node.copy !== undefined && from.copy !== node.copy && from.op !== "constant" && from.op !== "parameter"
    return outside ? w.barrier(value, from.shape, node.copy!, latest) : value
  }
  nodes.forEach((node, id) => {
    w.at(node.from)
    if (node.op === "input" || node.op === "parameter") {
      values[id] = `%arg${inputs.length}`
      inputs.push({ name: node.attrs.name, shape: node.shape })
      return
    }
    if (node.op === "part") {
      values[id] = parts.get(node.inputs[0]!)![node.attrs.index]!
      return
    }
    const operands = node.inputs.map((input) => operand(node, input))
    const shapes = node.inputs.map((input) => nodes[input]!.shape)
    if (node.op === "attentionGrad") {
      parts.set(id, fusedAttentionGrad(w, operands, shapes))
      return
    }
    const rule = rules[node.op as keyof typeof rules] as Rule<OpKind> | undefined
    if (rule === undefined) throw new Error(`internal: '${node.op}' reached the StableHLO emitter`)
    values[id] = rule({ w, node: node as never, inputs: operands, shapes })
    if (node.copy === undefined && node.op !== "constant") latest = { name: values[id]!, shape: node.shape }
  })
  const place = new Map(outputs.map(({ name }, i) => [name, i]))
  // The memory of state is the memory of what replaces it.
  const donated = (name: string) =>
    Object.hasOwn(state, name) ? ` {tf.aliasing_output = ${place.get(state[name]!)} : i32}` : ""
  const args = inputs.map(
    ({ name, shape }, i) => `    %arg${i}: ${tensorType(shape)}${donated(name)} loc(${quoted(name)})`,
  )
  const types = outputs.map(({ value }) => tensorType(nodes[value]!.shape))
  const text = [
    "module @hasam {",
    `  func.func public @main(\n${args.join(",\n")}\n  ) -> (${types.join(", ")}) {`,
    ...w.lines,
    `    return ${outputs.map(({ value }) => values[value]).join(", ")} : ${types.join(", ")}`,
    "  }",
    "}",
    ...w.places,
    "",
  ].join("\n")
  return { text, inputs, outputs: outputs.map(({ name, value }) => ({ name, shape: nodes[value]!.shape })) }
}
