/** Every tensor of a tree of layers, named as the PyTorch module tree of the same form names it, in its order. */
import type { BufferData, Init, LayerData } from "./layer.ts"

export interface TensorData {
  readonly name: string
  readonly shape: readonly number[]
  readonly kind: "parameter" | "buffer"
  /** Buffers only: in the state dict? */
  readonly persistent: boolean
  readonly init: BufferData["init"]
  /** The adaptation that added it, counted from 0. */
  readonly adaptation?: number
  /** The path of what the adaptation added, of which this is a tensor; "lora" for low-rank updates. */
  readonly added?: string
  readonly at?: string
}

const elements = (shape: readonly number[]): number => shape.reduce((n, extent) => n * extent, 1)
const zeros: Init = { fill: 0 }
const ones: Init = { fill: 1 }
/** PyTorch's default for linear and convolution layers: uniform in ±1/√fan_in, weight and bias alike. */
const fanIn = (n: number): Init => ({ uniform: 1 / Math.sqrt(n) })

type Own = Omit<TensorData, "name"> & { readonly name: string }
const parameter = (name: string, shape: readonly number[], init: Init): Own => ({
  name,
  shape,
  kind: "parameter",
  persistent: true,
  init,
})
const buffer = (name: string, shape: readonly number[], init: Init): Own => ({
  name,
  shape,
  kind: "buffer",
  persistent: true,
  init,
})

const weightAndBias = (
  shape: readonly number[],
  width: number,
  fan: number,
  bias: boolean,
  init: Init | undefined,
): readonly Own[] => [
  parameter("weight", shape, init ?? fanIn(fan)),
  ...(bias ? [parameter("bias", [width], init ?? fanIn(fan))] : []),
]
const affine = (width: number): readonly Own[] => [
  parameter("weight", [width], ones),
  parameter("bias", [width], zeros),
]

const suffix = (target: string) => (target === "" ? "" : `_${target}`)

/** Tensors that a leaf itself has. */
const own = (layer: LayerData): readonly Own[] => {
  switch (layer.kind) {
    case "linear": {
      const { takes, gives, bias, init, lora = [] } = layer
      return [
        ...weightAndBias([gives, takes], gives, takes, bias, init),
        ...lora.flatMap(({ target, rank, gives, adaptation }) => [
          { ...parameter(`lora_a${suffix(target)}.weight`, [rank, takes], fanIn(takes)), adaptation },
          { ...parameter(`lora_b${suffix(target)}.weight`, [gives, rank], zeros), adaptation },
        ]),
      ]
    }
    case "conv2d": {
      const shape = [layer.gives, layer.takes / layer.groups, ...layer.kernel]
      return weightAndBias(shape, layer.gives, elements(shape.slice(1)), layer.bias, layer.init)
    }
    case "conv1d": {
      const shape = [layer.gives, layer.takes / layer.groups, layer.kernel]
      return weightAndBias(shape, layer.gives, elements(shape.slice(1)), layer.bias, layer.init)
    }
    case "convTranspose2d": {
      const shape = [layer.takes, layer.gives / layer.groups, ...layer.kernel]
      return weightAndBias(shape, layer.gives, elements(shape.slice(1)), layer.bias, layer.init)
    }
    case "layerNorm":
    case "layerNorm2d":
    case "groupNorm":
      return affine(layer.gives)
    case "batchNorm2d":
    case "batchNorm1d":
      return [
        ...(layer.affine ? affine(layer.gives) : []),
        buffer("running_mean", [layer.gives], zeros),
        buffer("running_var", [layer.gives], ones),
        buffer("num_batches_tracked", [], zeros),
      ]
    case "embedding":
      return [parameter("weight", [layer.rows, layer.gives], { normal: 1 })]
    case "parameter":
      return [parameter("", layer.shape, layer.init)]
    case "buffer":
      return [{ name: "", shape: layer.shape, kind: "buffer", persistent: layer.persistent, init: layer.init }]
    default:
      return []
  }
}

/** Children with the names that PyTorch gives them. */
export const childrenOf = (layer: LayerData): readonly (readonly [name: string, child: LayerData])[] => {
  switch (layer.kind) {
    case "sequential":
      return layer.layers.map((child, i) => [layer.names?.[i] ?? `${i}`, child] as const)
    case "list":
    case "parallel":
      return layer.layers.map((child, i) => [`${i}`, child] as const)
    case "residual":
    case "shared":
      return [["", layer.layer]]
    case "module":
      return Object.entries(layer.children)
    default:
      return []
  }
}

export const join = (path: string, name: string): string =>
  path === "" || name === "" ? path + name : `${path}.${name}`

/** nn.Module lists a module's own parameters before its children's. */
const rawFirst = (children: readonly (readonly [string, LayerData])[]) => {
  const isRaw = ([, layer]: readonly [string, LayerData]): boolean =>
    layer.kind === "shared" ? isRaw(["", layer.layer]) : layer.kind === "parameter" || layer.kind === "buffer"
  return [...children.filter(isRaw), ...children.filter((child) => !isRaw(child))]
}

/** What is met on the way: tensors, and where each shared layer was met first. */
interface Found {
  readonly tensors: TensorData[]
  readonly shared: Map<number, string>
}
/** What an adaptation added: which one, and where. */
interface Origin {
  readonly adaptation: number
  readonly added: string
}
const walk = (path: string, layer: LayerData, origin: Origin | undefined, found: Found): void => {
  if (layer.kind === "shared") {
    if (found.shared.has(layer.id)) return
    found.shared.set(layer.id, path)
  }
  for (const tensor of own(layer)) {
    const of = tensor.adaptation === undefined ? origin : { adaptation: tensor.adaptation, added: "lora" }
    found.tensors.push({
      ...tensor,
      name: join(path, tensor.name),
      ...(of ?? {}),
      ...(layer.at === undefined ? {} : { at: layer.at }),
    })
  }
  const added = layer.kind === "module" || layer.kind === "sequential" ? (layer.added ?? {}) : {}
  for (const [name, child] of rawFirst(childrenOf(layer))) {
    const below = join(path, name)
    const own = Object.hasOwn(added, name) ? { adaptation: added[name] as number, added: below } : origin
    walk(below, child, own, found)
  }
}

/** Of whole networks: they are asked for their tensors and for what is shared. */
const known = new WeakMap<LayerData, Found>()
const walked = (layer: LayerData, path = ""): Found => {
  const before = path === "" ? known.get(layer) : undefined
  if (before !== undefined) return before
  const found: Found = { tensors: [], shared: new Map() }
  walk(path, layer, undefined, found)
  if (path === "") known.set(layer, found)
  return found
}
/** All tensors under a layer; those of a shared layer once, where it stands first. */
export const tensorsOf = (layer: LayerData, path = ""): readonly TensorData[] => walked(layer, path).tensors
/** Where each shared layer has its tensors: its id → the path of its first place. */
export const sharedPaths = (layer: LayerData): ReadonlyMap<number, string> => walked(layer).shared

/** Parameters in all. */
export const sizeOf = (tensors: readonly TensorData[]): number =>
  tensors.reduce((n, { kind, shape }) => (kind === "parameter" ? n + elements(shape) : n), 0)
