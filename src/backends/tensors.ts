/** What a program takes, and whether what it is given fits: the same sentences from every engine. */
import { type Failed, failed } from "../compiler/diagnostic.ts"
import { type Program, type Shape, sizeOf, type Tensor, type Tensors } from "../compiler/ir/graph.ts"

export interface Source {
  readonly shape: Shape
  /** A parameter or state, which stays on the device; or fed at each run. */
  readonly loaded: boolean
}
export type Sources = ReadonlyMap<string, Source>

export const sourcesOf = ({ graph, state }: Program): Sources =>
  new Map(
    graph.nodes.flatMap((node) =>
      node.op === "input" || node.op === "parameter"
        ? [
            [
              node.attrs.name,
              { shape: node.shape, loaded: node.op === "parameter" || node.attrs.name in state },
            ] as const,
          ]
        : [],
    ),
  )

/** HS2606 about a target. */
export const misfit = (target: string, sentence: string): Failed =>
  failed(target, "HS2606", sentence, "Give the named tensors in the shapes that the program was compiled for.")

const checked = (target: string, name: string, tensor: Tensor, shape: Shape): void => {
  const given = tensor.shape
  if (given.length !== shape.length || given.some((extent, axis) => extent !== shape[axis]))
    throw misfit(target, `"${name}" has shape [${given}], the program expects [${shape}]`)
  if (tensor.data.length !== sizeOf(shape))
    throw misfit(target, `"${name}" has ${tensor.data.length} values, its shape [${shape}] needs ${sizeOf(shape)}`)
}

/** Those that the program keeps. Names that it does not use are passed over. Throws HS2606. */
export const loadable = (target: string, sources: Sources, tensors: Tensors): Tensors =>
  Object.fromEntries(
    Object.entries(tensors).filter(([name, tensor]) => {
      const source = sources.get(name)
      if (source === undefined) return false
      checked(target, name, tensor, source.shape)
      if (!source.loaded) throw misfit(target, `"${name}" is fed at each run, not loaded`)
      return true
    }),
  )

/** All that the program keeps, none missing, in the program's order. Throws HS2606. */
export const complete = (target: string, sources: Sources, tensors: Tensors): Tensors => {
  const wanted = [...sources].flatMap(([name, { loaded }]) => (loaded ? [name] : []))
  for (const name of wanted) if (!(name in tensors)) throw misfit(target, `"${name}" was not given`)
  return loadable(target, sources, Object.fromEntries(wanted.map((name) => [name, tensors[name]!])))
}

/** Those that a run takes, all of them there. Throws HS2606. */
export const feedable = (target: string, sources: Sources, loaded: ReadonlySet<string>, inputs: Tensors): Tensors => {
  const fed = Object.entries(inputs).filter(([name, tensor]) => {
    const source = sources.get(name)
    if (source === undefined) return false
    checked(target, name, tensor, source.shape)
    if (source.loaded) throw misfit(target, `"${name}" is loaded, not fed: it is a parameter or state`)
    return true
  })
  for (const [name, source] of sources) {
    if (source.loaded && !loaded.has(name)) throw misfit(target, `"${name}" was not loaded`)
    if (!source.loaded && !(name in inputs)) throw misfit(target, `"${name}" is missing`)
  }
  return Object.fromEntries(fed)
}
