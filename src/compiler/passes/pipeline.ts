/**
 * From a model to a program, pass by pass. A pass's name is its flag (`--dump NAME`, `--stop-after NAME`), `about` its help text.
 * What each leaves is verified before the next begins.
 */
import { blocksOf } from "../../dsl/blocks.ts"
import type { ModelData } from "../../dsl/model.ts"
import { networkOf } from "../../dsl/network.ts"
import type { PartRates } from "../../dsl/rates.ts"
import type { AutoLr, Clip, Loss, Optimizer } from "../../dsl/training.ts"
import { ratesOf, tunedDepths } from "../analysis/rates.ts"
import { failed } from "../diagnostic.ts"
import { Builder, type Value } from "../ir/builder.ts"
import type { Graph, Program } from "../ir/graph.ts"
import { print } from "../ir/text.ts"
import { verified } from "../ir/verify.ts"
import { type DecomposeOptions, decompose } from "./decompose.ts"
import { differentiate } from "./differentiate.ts"
import { type DropoutInput, Misfit } from "./elaborate/context.ts"
import { elaborate, type InputSizes } from "./elaborate/index.ts"
import { lossOf, lossProblems, type Pair, targetName, targetShape, unteachable } from "./losses.ts"
import { optimize } from "./optimizer.ts"
import { simplify } from "./rebuild.ts"
import { recomputable, recomputeWithin } from "./recompute.ts"
import { schedule } from "./schedule.ts"
import { type Frozen, store } from "./store.ts"
import { unpad } from "./unpad.ts"

/** What the program is for. `learning` names the tensors that learn. */
export type Goal =
  | {
      readonly kind: "inference"
      readonly outputs?: readonly string[]
      /** In train mode, with these learning: dropout acts, batch norms that learn use the batch, and their next statistics are outputs. */
      readonly trainMode?: readonly string[] | undefined
    }
  | {
      readonly kind: "gradients"
      readonly learning: readonly string[]
      readonly loss: Loss
      readonly trainMode?: boolean | undefined
    }
  | {
      readonly kind: "training"
      readonly learning: readonly string[]
      readonly loss: Loss
      readonly optimizer: Optimizer
      /** Runs whose gradients are averaged before a step. */
      readonly accumulate?: number | undefined
      readonly clip?: Clip | undefined
      readonly rates?: readonly PartRates[] | undefined
      /** Rates of blocks are inputs, which are tuned while training. */
      readonly autoLr?: AutoLr | undefined
    }

export interface Task {
  readonly model: ModelData
  readonly sizes: InputSizes
  readonly goal: Goal
  /** Outputs that were kept for the images of the batch, and are inputs here. */
  readonly kept?: readonly string[] | undefined
  /** For targets without kernels for composites. */
  readonly decompose?: DecomposeOptions
  /** Bytes that tensors may need at a time, state once; blocks are computed again until they fit. */
  readonly memory?: number | undefined
  /** Weights that are kept in fewer bits. */
  readonly stored?: Frozen | undefined
}

/** What a pass gets and gives. Ids are those of `program`. */
export interface Work {
  readonly program: Program
  readonly loss?: Value
  readonly gradients: ReadonlyMap<string, Value>
  /** Names that learn, but on which the loss does not depend. */
  readonly unreached: readonly string[]
  readonly dropouts: readonly DropoutInput[]
  /** New running statistics of batch norms that learn. */
  readonly statistics: ReadonlyMap<string, Value>
  /** Modules that are computed again for the backward pass. */
  readonly recomputed: readonly string[]
}

interface Pass {
  readonly name: string
  readonly about: string
  readonly applies: (task: Task) => boolean
  readonly run: (task: Task, work: Work) => Work
}

const always = () => true
const learns = ({ goal }: Task): boolean => goal.kind !== "inference"
const stateless = (graph: Graph): Program => ({ graph, state: {} })
const valuesOf = ({ outputs }: Graph): Readonly<Record<string, Value>> =>
  Object.fromEntries(outputs.map(({ name, value }) => [name, value]))

/** A pass over the graph alone. Gradients and statistics are outputs while it runs, so that their ids stay known. */
const onGraph =
  (pass: (graph: Graph, task: Task) => Graph): Pass["run"] =>
  (task, work) => {
    const { nodes, outputs } = work.program.graph
    const tracked = [...work.gradients, ...work.statistics].map(([name, value]) => ({ name: `tracked/${name}`, value }))
    const after = pass({ nodes, outputs: [...outputs, ...tracked] }, task)
    const values = after.outputs.slice(outputs.length).map(({ value }) => value)
    const graph = { nodes: after.nodes, outputs: after.outputs.slice(0, outputs.length) }
    const named = (names: Iterable<string>, from: number) =>
      new Map([...names].map((name, i) => [name, values[from + i]!] as const))
    return {
      ...work,
      program: { ...work.program, graph },
      gradients: named(work.gradients.keys(), 0),
      statistics: named(work.statistics.keys(), work.gradients.size),
    }
  }

/** In their order. */
export const passes: readonly Pass[] = [
  {
    name: "elaborate",
    about: "the model's layers become a graph, for inputs of one size",
    applies: always,
    run: ({ model, sizes, goal, kept: from = [] }, work) => {
      const options = {
        kept: from,
        training: goal.kind === "training" || (goal.trainMode !== undefined && goal.trainMode !== false),
        learning: goal.kind === "inference" ? (goal.trainMode ?? []) : goal.learning,
      }
      const { builder, outputs, dropouts, updates } = elaborate(model, sizes, options)
      const wanted = goal.kind === "inference" ? goal.outputs : undefined
      const kept = Object.entries(outputs).filter(([name]) => wanted?.includes(name) ?? true)
      const next = goal.kind === "training" ? [] : [...updates].map(([name, value]) => [`next/${name}`, value] as const)
      const program = stateless(builder.build(Object.fromEntries([...kept, ...next])))
      return { ...work, program, dropouts, statistics: updates }
    },
  },
  {
    name: "unpad",
    about: "products leave out the rows that padding adds and cropping drops",
    applies: always,
    run: onGraph(unpad),
  },
  {
    name: "loss",
    about: "the loss of what the model teaches, and the targets that are fed",
    applies: learns,
    run: ({ model, goal, sizes }, work) => {
      if (goal.kind === "inference") return work
      const several = sizes.flags.length > 0
      const b = Builder.of(work.program.graph)
      const outputs = valuesOf(work.program.graph)
      const pairs = Object.entries(model.teaches).map(([output, taught]): Pair => {
        const value = outputs[output]
        const problem =
          value === undefined
            ? `the network gives no '${output}'`
            : unteachable(output, taught, b.shapeOf(value), { several })
        if (value === undefined || problem !== undefined) throw new Misfit(problem ?? "", "", model.at)
        const target = b.input(targetName(model.teaches, output), targetShape(taught, b.shapeOf(value)))
        return { output, taught, value, target }
      })
      const [problem] = lossProblems(goal.loss, model.teaches)
      if (problem !== undefined) throw new Misfit(problem, "", model.at)
      const loss = lossOf(b, goal.loss, pairs)
      return { ...work, program: stateless(b.build({ ...outputs, loss })), loss }
    },
  },
  {
    name: "differentiate",
    about: "gradients of the loss, of what learns and nothing else",
    applies: learns,
    run: ({ goal }, work) => {
      if (goal.kind === "inference") return work
      const b = Builder.of(work.program.graph)
      const { gradients, unreached } = differentiate(b, work.loss!, goal.learning)
      const inOrder = goal.learning.flatMap((name) =>
        gradients.has(name) ? [[name, gradients.get(name)!] as const] : [],
      )
      const named = inOrder.map(([name, value]) => [`grad/${name}`, value] as const)
      const program = stateless(b.build({ ...valuesOf(work.program.graph), ...Object.fromEntries(named) }))
      return { ...work, program, gradients: new Map(inOrder), unreached }
    },
  },
  {
    name: "optimize",
    about: "the optimizer's step: next values of parameters, moments and running statistics, which are state",
    applies: ({ goal }) => goal.kind === "training",
    run: ({ goal, model }, work) => {
      if (goal.kind !== "training") return work
      const { optimizer, accumulate, clip, rates, autoLr } = goal
      const b = Builder.of(work.program.graph)
      const factors = new Map([...ratesOf(model, rates)].map(([name, rate]) => [name, rate / optimizer.rate] as const))
      const tuned = autoLr === undefined ? undefined : tunedDepths(model)
      const next = [...optimize(b, optimizer, work.gradients, { accumulate, clip, factors, tuned }), ...work.statistics]
      const outputs = Object.fromEntries(next.map(([name, value]) => [`next/${name}`, value]))
      return {
        ...work,
        program: {
          graph: b.build({ loss: work.loss!, ...outputs }),
          state: Object.fromEntries(next.map(([name]) => [name, `next/${name}`])),
        },
      }
    },
  },
  {
    name: "simplify",
    about: "what outputs do not depend on goes, equal nodes become one, and parts of a tensor stand beside one another",
    applies: always,
    run: onGraph(simplify),
  },
  {
    name: "store",
    about: "frozen weights of products are kept in fewer bits, and are float32 only while an op reads them",
    applies: ({ stored }) => stored !== undefined,
    run: onGraph((graph, { stored }) => store(graph, stored!)),
  },
  {
    name: "recompute",
    about: "blocks are computed again for the backward pass, as few as the memory budget asks for",
    applies: ({ memory, goal }) => memory !== undefined && goal.kind !== "inference",
    run: (task, work) => {
      const { memory = Number.POSITIVE_INFINITY, model } = task
      const blockPaths = blocksOf(networkOf(model), model.blocks).map(({ path }) => path)
      const lowered = (graph: Graph) => (task.decompose === undefined ? graph : decompose(graph, task.decompose))
      const peakOf = (graph: Graph): number => {
        const { resident, peak } = schedule(lowered(graph))
        return resident + peak
      }
      let recomputed: readonly string[] = []
      const pass = onGraph((graph) => {
        const result = recomputeWithin(graph, memory, recomputable(graph, blockPaths), peakOf)
        if (result.peak > memory)
          throw failed(
            "--memory",
            "HS2510",
            `a step takes at least ${sized(result.peak)} for its tensors, with every block computed twice; ${sized(memory)} are too little`,
            "Give more, or take a smaller batch or input size.",
          )
        recomputed = result.paths
        return result.graph
      })
      return { ...pass(task, work), recomputed }
    },
  },
  {
    name: "decompose",
    about: "composites that the target has no kernel for become simpler ops",
    applies: (task) => task.decompose !== undefined,
    run: onGraph((graph, task) => decompose(graph, task.decompose)),
  },
]

export interface CompileOptions {
  /** Texts of the programs after these passes are kept. */
  readonly dump?: readonly string[]
  readonly stopAfter?: string
  /** Constants longer than this are cut short in dumps. */
  readonly longest?: number
}
export interface Compiled {
  readonly program: Program
  /** Names that learn and receive a gradient, in the order in which they were asked for. */
  readonly receiving: readonly string[]
  /** Their gradients in the program. */
  readonly gradients: ReadonlyMap<string, Value>
  readonly unreached: readonly string[]
  readonly dropouts: readonly DropoutInput[]
  /** Modules that are computed again for the backward pass, to keep to the memory budget. */
  readonly recomputed: readonly string[]
  /** What was to be dumped, in the order of passes. */
  readonly dumps: readonly { readonly pass: string; readonly text: string }[]
}

const sized = (bytes: number): string =>
  bytes >= 2 ** 30 ? `${(bytes / 2 ** 30).toFixed(2)} GiB` : `${(bytes / 2 ** 20).toFixed(2)} MiB`

const nothing: Work = {
  program: stateless({ nodes: [], outputs: [] }),
  gradients: new Map(),
  unreached: [],
  dropouts: [],
  statistics: new Map(),
  recomputed: [],
}

/** Runs the passes that a task needs. Throws Misfit where a layer does not fit what it is given. */
export const compile = (task: Task, { dump = [], stopAfter, longest = 16 }: CompileOptions = {}): Compiled => {
  const needed = passes.filter(({ applies }) => applies(task))
  const end = needed.findIndex(({ name }) => name === stopAfter)
  const dumps: { pass: string; text: string }[] = []
  const work = needed.slice(0, end < 0 ? undefined : end + 1).reduce((before, pass) => {
    const after = pass.run(task, before)
    verified(after.program, pass.name)
    if (dump.includes(pass.name)) dumps.push({ pass: pass.name, text: print(after.program, { longest }) })
    return after
  }, nothing)
  const { program, gradients, unreached, dropouts, recomputed } = work
  return { program, receiving: [...gradients.keys()], gradients, unreached, dropouts, recomputed, dumps }
}
