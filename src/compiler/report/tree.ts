/** A model as a tree that unfolds: part → block → placement → module → tensor, with counts, bytes and FLOPs at each; and what its blocks compute. */
import { xml as escaped } from "./escape.ts"
import type { Equations, ModelReport } from "./report.ts"
import * as unit from "./units.ts"

export const treeStyle = `
.tree { border-top: 1px solid var(--line); margin-top: .6rem } .tree ul { list-style: none; margin: 0; padding: 0 0 0 1.1rem } .tree > ul { padding: 0 }
.tree .row, .tree summary { display: flex; align-items: baseline; padding: .1rem 0 } .tree .row { padding-left: 1.1rem } .tree summary { cursor: pointer } .tree summary::before { content: "▸"; color: var(--faint); flex: 0 0 1.1rem } .tree details[open] > summary::before { content: "▾" } .tree summary::-webkit-details-marker { display: none }
.tree summary:hover, .tree .row:hover { background: color-mix(in srgb, var(--line) 30%, transparent) } .tree .name { flex: 1 1 0; overflow-wrap: anywhere; min-width: 0 } .tree .shape { color: var(--faint); margin-left: .8em }
.tree .n { flex: none; color: var(--faint); font-variant-numeric: tabular-nums } .n > span { display: inline-block; width: 7.2rem; text-align: right } .n > .s { width: 4.6rem } .n > .learns { color: var(--learns) }
.tree .head { color: var(--faint); padding-left: 0 } pre { overflow-x: auto; font-size: .85em; line-height: 1.45; margin: .2rem 0 .8rem 1.1rem; padding-left: .6rem; border-left: 2px solid var(--line) } pre b { font-weight: 600 } pre i { font-style: normal; color: var(--faint) }
@media (max-width: 60rem) { .tree ul { padding-left: .6rem } .tree .head .n { display: none } .tree .row, .tree summary { flex-wrap: wrap } .tree .name { flex-basis: calc(100% - 1.2rem) } .tree .n { flex: 1 1 100%; box-sizing: border-box; padding-left: 1.1rem; font-size: .9em } .tree .row .n { padding-left: 0 } .n > span, .n > .s { width: auto; margin-right: .9em } .n > span:empty { display: none } .n > .f::before { content: "forward " } .n > .b::before { content: "backward " } }
`

type Sums = { readonly total: number; readonly trainable: number; readonly forward: number; readonly backward: number }
interface Node extends Sums {
  readonly name: string
  readonly inner: readonly Node[]
  /** A tensor's own. */
  readonly shape?: readonly number[]
  readonly isBuffer?: boolean
}
type TensorRow = ModelReport["tensors"][number]
type ModuleRow = NonNullable<NonNullable<ModelReport["flops"]>["modules"]>[number]
/** What hangs somewhere in the tree: a tensor, or what a module computes. */
type Item =
  | { readonly tensor: TensorRow; readonly module?: never }
  | { readonly module: ModuleRow; readonly tensor?: never }

const sizeOf = (shape: readonly number[]): number => shape.reduce((product, extent) => product * extent, 1)
const sum = (nodes: readonly Node[], key: keyof Sums): number => nodes.reduce((n, node) => n + node[key], 0)
const group = (
  name: string,
  inner: readonly Node[],
  own: Pick<Sums, "forward" | "backward"> = { forward: 0, backward: 0 },
): Node => ({
  name,
  inner,
  total: sum(inner, "total"),
  trainable: sum(inner, "trainable"),
  forward: own.forward + sum(inner, "forward"),
  backward: own.backward + sum(inner, "backward"),
})
const leaf = ({ shape, trainable, kind }: TensorRow, name: string): Node => {
  const size = kind === "parameter" ? sizeOf(shape) : 0
  return {
    name,
    shape,
    isBuffer: kind === "buffer",
    total: size,
    trainable: trainable ? size : 0,
    forward: 0,
    backward: 0,
    inner: [],
  }
}
const groups = <A, K>(items: readonly A[], keyOf: (item: A) => K): ReadonlyMap<K, readonly A[]> => {
  const found = new Map<K, A[]>()
  for (const item of items) {
    const key = keyOf(item)
    const group = found.get(key)
    if (group === undefined) found.set(key, [item])
    else group.push(item)
  }
  return found
}

const parentOf = (name: string): string => name.slice(0, Math.max(0, name.lastIndexOf(".")))
const pathOf = (item: Item): string => (item.module === undefined ? parentOf(item.tensor.name) : item.module.path)
const whereOf = (item: Item): Pick<TensorRow, "part" | "block" | "placement"> => item.module ?? item.tensor

/** A module's tensors, and what it computes; a tensor alone stands for its module. */
const moduleNode = (path: string, items: readonly Item[]): Node => {
  const tensors = items.flatMap(({ tensor }) => tensor ?? [])
  const own = items.find(({ module }) => module !== undefined)?.module ?? { forward: 0, backward: 0 }
  const flops = { forward: own.forward, backward: own.backward }
  const [only] = tensors
  if (only !== undefined && tensors.length === 1) return { ...leaf(only, only.name), ...flops }
  return group(
    path || "the network itself",
    tensors.map((tensor) => leaf(tensor, path === "" ? tensor.name : tensor.name.slice(path.length + 1))),
    flops,
  )
}
const modules = (items: readonly Item[]): readonly Node[] =>
  [...groups(items, pathOf)].map(([path, inside]) => moduleNode(path, inside))

/** Part → block → placement → module → tensor. What is in no block, or was not added, hangs one level higher. */
const treeOf = (model: ModelReport): readonly Node[] => {
  const items: readonly Item[] = [
    ...model.tensors.map((tensor) => ({ tensor })),
    ...(model.flops?.modules ?? []).map((module) => ({ module })),
  ]
  return [
    ...groups(items, (item) => (item.tensor?.kind === "buffer" ? "buffers, in no count" : whereOf(item).part)),
  ].map(([part, inPart]) => {
    const inner = [...groups(inPart, (item) => whereOf(item).block)].flatMap(([block, inBlock]) => {
      const placements = [...groups(inBlock, (item) => whereOf(item).placement)].flatMap(([placement, added]) =>
        placement === undefined ? modules(added) : [group(placement, modules(added))],
      )
      return block === undefined ? placements : [group(`block ${block}`, placements)]
    })
    return group(part, inner)
  })
}

const stateOf = ({ total, trainable, isBuffer }: Node): string =>
  total === 0
    ? `<span class="s">${isBuffer ? "buffer" : ""}</span>`
    : trainable === 0
      ? '<span class="s">frozen</span>'
      : `<span class="s learns">${trainable === total ? "learns" : "in part"}</span>`

const numbersOf = (node: Node, learns: boolean): string => {
  const { total, forward, backward } = node
  const flops = (n: number) => (n === 0 ? "" : unit.flops(n))
  return [
    '<span class="n">',
    `<span>${total === 0 ? "" : unit.exact(total)}</span><span>${total === 0 ? "" : unit.bytes(4 * total)}</span>`,
    `<span class="f">${flops(forward)}</span>`,
    learns ? `<span class="b">${flops(backward)}</span>` : "",
    `${stateOf(node)}</span>`,
  ]
    .join("")
    .replaceAll(/<span class="[fb]"><\/span>/g, "<span></span>")
}

const nodeHtml = (node: Node, learns: boolean): string => {
  const shape = node.shape === undefined ? "" : `<span class="shape">[${node.shape.join(", ")}]</span>`
  const line = `<span class="name"><code>${escaped(node.name)}</code>${shape}</span>${numbersOf(node, learns)}`
  return node.inner.length === 0
    ? `<li><div class="row">${line}</div></li>`
    : `<li><details><summary>${line}</summary><ul>${node.inner.map((inner) => nodeHtml(inner, learns)).join("")}</ul></details></li>`
}

/** 1 to 3, 5 */
const ranges = (numbers: readonly number[]): string => {
  const runs: [number, number][] = []
  for (const n of numbers) {
    const last = runs.at(-1)
    if (last !== undefined && last[1] === n - 1) last[1] = n
    else runs.push([n, n])
  }
  return runs
    .flatMap(([from, to]) =>
      from === to ? [`${from}`] : to === from + 1 ? [`${from}`, `${to}`] : [`${from} to ${to}`],
    )
    .join(", ")
}

const equationsHtml = ({ blocks, lines }: Equations): string => {
  const left = lines.map(({ name, value }) => (value === "" ? name : `${name} = ${value}`))
  const shapes = lines.map(({ shape }) => `[${shape.join(", ")}]`)
  const width = Math.max(...shapes.map((shape) => shape.length))
  const costs = lines.map(({ flops }) => (flops === 0 ? "" : unit.flops(flops)))
  const costWidth = Math.max(...costs.map((cost) => cost.length))
  const body = lines.map(({ name }, i) => {
    const rest = left[i]!.slice(name.length)
    return `<i>${shapes[i]!.padStart(width)}  ${costs[i]!.padStart(costWidth)}</i>  <b>${escaped(name)}</b>${escaped(rest)}`
  })
  const of = `${blocks.length === 1 ? "block" : "blocks"} ${ranges(blocks)}`
  return `<li><details><summary>${of}</summary><pre tabindex="0" role="region" aria-label="${of}">${body.join("\n")}</pre></details></li>`
}

/** All tensors with what is computed with them, folded; then the blocks' equations. */
export const treeHtml = (model: ModelReport): readonly string[] => {
  const learns = (model.flops?.backward ?? 0) > 0
  const head = [
    "parameters",
    "float32",
    ...(model.flops === undefined ? [] : ["forward", ...(learns ? ["backward"] : [])]),
  ]
  const heads = head.map((one) => `<span>${one}</span>`).join("")
  const { equations = [] } = model
  return [
    "<h3>Every tensor, and what is computed</h3>",
    `<div class="tree"><div class="row head"><span class="name">part, block, placement, module, tensor</span><span class="n">${heads}<span class="s">state</span></span></div><ul>${treeOf(
      model,
    )
      .map((node) => nodeHtml(node, learns))
      .join("")}</ul></div>`,
    ...(equations.length === 0
      ? []
      : [
          '<div class="equations"><h3>What a block computes</h3>',
          `<p>Node by node, as the graph that segments has it: shape, FLOPs, and how a value is made. x comes in; other values bear the name of the module that makes them, y those of the block itself.</p><div class="tree"><ul>${equations.map(equationsHtml).join("")}</ul></div></div>`,
        ]),
  ]
}
