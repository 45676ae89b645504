/**
 * The classes of model.py: modules of one form become one class, and the numbers in which they differ become its arguments.
 * Blocks whose adapters have twelve ranks are so one class `Block(rank)`, and not twelve.
 */
import type { LayerData, ModuleData } from "../../dsl/layer.ts"
import { childrenOf, join } from "../../dsl/tensors.ts"
import { argumentName } from "./argumentNames.ts"
import { classNames } from "./classNames.ts"
import { formOf, layersOf, numbersOf } from "./numbers.ts"

/** A module at a place in the tree. */
export interface Instance {
  readonly path: string
  readonly data: ModuleData
}

/** A number that instances do not share. */
export interface Argument {
  readonly name: string
  /** The number in each instance, in their order. */
  readonly values: readonly number[]
}

export interface ClassData {
  readonly name: string
  /** The first of the instances; the others differ from it by the arguments only. */
  readonly module: ModuleData
  readonly instances: readonly Instance[]
  readonly args: readonly Argument[]
  /** Place of a number (numbers.ts) → its argument, if it is none that all instances share. */
  readonly argumentAt: ReadonlyMap<string, Argument>
  /** Path of a module inside → its class, and what it is made with: an argument of this class, or a number. */
  readonly made: ReadonlyMap<string, { readonly of: ClassData; readonly with: readonly (Argument | number)[] }>
}

interface Group {
  readonly form: string
  readonly instances: Instance[]
}

/** Modules by form, those inside before those around them. */
const grouped = (network: LayerData): readonly Group[] => {
  const groups = new Map<string, Group>()
  const forms = new WeakMap<ModuleData, string>()
  const walk = (path: string, layer: LayerData): void => {
    for (const [name, child] of childrenOf(layer)) walk(join(path, name), child)
    if (layer.kind !== "module") return
    const form = forms.get(layer) ?? formOf(layer)
    forms.set(layer, form)
    const group = groups.get(form) ?? { form, instances: [] }
    groups.set(form, group)
    group.instances.push({ path, data: layer })
  }
  walk("", network)
  return [...groups.values()]
}

/** What an instance's class is made with, for each instance of the module around it. */
const valuesOf = (made: ClassData, modules: readonly ModuleData[]): readonly (readonly number[])[] => {
  const indices = modules.map((module) => made.instances.findIndex(({ data }) => data === module))
  return made.args.map(({ values }) => indices.map((i) => values[i]!))
}

const varies = (values: readonly number[]): boolean => values.some((value) => value !== values[0])

/** All classes, each after those it uses. The last is the network's, if the network is a module. */
export const classesOf = (network: LayerData): readonly ClassData[] => {
  const groups = grouped(network)
  const names = classNames(groups.map(({ instances }) => instances))
  const byForm = new Map<string, ClassData>()

  for (const [g, { form, instances }] of groups.entries()) {
    const module = instances[0]!.data
    const args = new Map<string, Argument>()
    const argument = (values: readonly number[], suggest: (taken: (name: string) => boolean) => string): Argument => {
      const key = values.join()
      const known = args.get(key)
      if (known !== undefined) return known
      const taken = (name: string) => [...args.values()].some((a) => a.name === name)
      const made = { name: suggest(taken), values }
      args.set(key, made)
      return made
    }

    const argumentAt = new Map<string, Argument>()
    const all = instances.map(({ data }) => numbersOf(data))
    for (const place of all[0]!.keys()) {
      const values = all.map((numbers) => numbers.get(place)!)
      if (!varies(values)) continue
      const modules = instances.map(({ data }) => data)
      argumentAt.set(
        place,
        argument(values, (taken) => argumentName(place, values, modules, taken)),
      )
    }

    const made = new Map<string, { of: ClassData; with: (Argument | number)[] }>()
    const inside = instances.map(({ data }) => new Map(layersOf(data)))
    for (const [path, layer] of inside[0]!) {
      if (layer.kind !== "module") continue
      const of = byForm.get(formOf(layer))!
      const values = valuesOf(
        of,
        inside.map((layers) => layers.get(path) as ModuleData),
      )
      const passed = values.map((v, k) =>
        varies(v)
          ? argument(v, (taken) => {
              const { name } = of.args[k]!
              return taken(name) ? `${path.replaceAll("/", "_")}_${name}` : name
            })
          : v[0]!,
      )
      made.set(path, { of, with: passed })
    }
    byForm.set(form, { name: names[g]!, module, instances, args: [...args.values()], argumentAt, made })
  }
  return [...byForm.values()]
}
