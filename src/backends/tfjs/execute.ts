/** A program on one of tfjs's engines: our order, our disposal, state that stays on the device. */
import { type Program, sizeOf, type Tensor, type Tensors } from "../../compiler/ir/graph.ts"
import type { Executable } from "../backend.ts"
import { feedable, loadable, misfit, sourcesOf } from "../tensors.ts"
import { type Engine, free, newTensor, openSession, type Value, view } from "./kernels.ts"
import { lowering, prepared, type Results, type Rule } from "./lower/index.ts"
import { ownRules } from "./lower/own.ts"
import { planSteps } from "./plan.ts"

type AnyRule = Rule<never>

/** Work one after another: what is encoded for a run is never mixed with another's. */
const queue = () => {
  let last: Promise<unknown> = Promise.resolve()
  return <A>(work: () => Promise<A>): Promise<A> => {
    const next = last.then(work, work)
    last = next.catch(() => undefined)
    return next
  }
}

export const openExecutable = (engine: Engine, given: Program): Executable => {
  const program = prepared(given)
  const { graph, state } = program
  const sources = sourcesOf(program)
  const target = `<${engine.name}>`
  const advancing = new Set(Object.values(state))
  const steps = planSteps(graph)
  const session = openSession(engine)
  const loaded = new Map<string, Value>()
  const inTurn = queue()
  const rules: Readonly<Record<string, AnyRule>> = { ...lowering, ...(engine.own ? ownRules : {}) } as never

  /** Encodes the whole run; gives the outputs' values, each with a reference of its own. */
  const encode = (fed: ReadonlyMap<string, Value>): ReadonlyMap<string, Value> => {
    const values = new Map<number, readonly (Value | undefined)[]>()
    const keep = (results: readonly (Value | undefined)[]) => {
      const owned = session.sweep(results.filter((value) => value !== undefined))
      let at = 0
      return results.map((value) => (value === undefined ? undefined : owned[at++]))
    }
    graph.nodes.forEach((node, id) => {
      if (node.op === "constant") {
        const { values: given } = node.attrs
        const all = () =>
          given.length === 1 ? new Float32Array(sizeOf(node.shape)).fill(given[0]!) : Float32Array.from(given)
        values.set(id, [session.kernels.constant(`node ${id}`, node.shape, all)])
      }
      if (node.op === "parameter" || node.op === "input") {
        const value = fed.get(node.attrs.name) ?? loaded.get(node.attrs.name)
        if (value) values.set(id, [value])
      }
    })
    const made = new Set<number>()
    const release = (id: number) => {
      for (const value of values.get(id)!) if (value) free(engine, value)
      values.delete(id)
      made.delete(id)
    }
    try {
      for (const { id, node, wanted, frees } of steps) {
        const inputs = node.inputs.map((input) => values.get(input)![0]!)
        const results: Results =
          node.op === "part"
            ? values.get(node.inputs[0]!)![node.attrs.index]!
            : rules[node.op]!(session.kernels, node as never, inputs, (part) => wanted.has(part))
        values.set(id, keep(Array.isArray(results) ? results : [results]))
        made.add(id)
        for (const done of frees) release(done)
        engine.between()
      }
      return new Map(graph.outputs.map(({ name, value }) => [name, view(engine, values.get(value)![0]!)]))
    } finally {
      session.sweep([])
      for (const id of made) release(id)
    }
  }

  const readAll = async (values: Iterable<readonly [string, Value]>): Promise<Tensors> => {
    const entries: (readonly [string, Tensor])[] = []
    for (const [name, value] of values)
      entries.push([name, { shape: [...value.shape], data: await engine.read(value) }])
    return Object.fromEntries(entries)
  }

  const runOnce = async (inputs: Tensors): Promise<Tensors> => {
    const taken = feedable(target, sources, new Set(loaded.keys()), inputs)
    const fed = new Map<string, Value>()
    let results: ReadonlyMap<string, Value> = new Map()
    try {
      await engine.guarded(() => {
        for (const [name, tensor] of Object.entries(taken)) fed.set(name, newTensor(engine, tensor.shape, tensor.data))
        results = encode(fed)
      })
      const outputs = await readAll([...results].filter(([name]) => !advancing.has(name)))
      // Only now, when nothing went wrong, does the state advance.
      for (const [name, output] of Object.entries(state)) replace(name, view(engine, results.get(output)!))
      return outputs
    } finally {
      for (const value of [...fed.values(), ...results.values()]) free(engine, value)
    }
  }
  const replace = (name: string, value: Value): void => {
    const old = loaded.get(name)
    loaded.set(name, value)
    if (old) free(engine, old)
  }

  return {
    load: (tensors, { give = false } = {}) =>
      inTurn(async () => {
        const kept = loadable(target, sources, tensors)
        await engine.guarded(() => {
          for (const [name, tensor] of Object.entries(kept))
            replace(name, newTensor(engine, tensor.shape, tensor.data, give))
        })
      }),
    run: (inputs) => inTurn(() => runOnce(inputs)),
    read: (names) =>
      inTurn(async () => {
        const missing = names.find((name) => !loaded.has(name))
        if (missing !== undefined) throw misfit(target, `"${missing}" was not loaded, or is no state of this program`)
        return readAll(names.map((name) => [name, loaded.get(name)!] as const))
      }),
    dispose: () =>
      inTurn(async () => {
        session.dispose()
        for (const value of loaded.values()) free(engine, value)
        loaded.clear()
        engine.trim()
      }),
  }
}
