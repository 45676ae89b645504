/** A ladder beside the blocks: against the same network written out. */
import { expect, test } from "vitest"
import { modelProblems } from "../../src/compiler/analysis/checks.ts"
import { learningNames, tensorTable } from "../../src/compiler/analysis/parameters.ts"
import { evaluate } from "../../src/compiler/ir/evaluate/index.ts"
import { standardSizes } from "../../src/compiler/passes/elaborate/index.ts"
import { inferenceProgram } from "../../src/compiler/passes/program.ts"
import {
  adapt,
  define,
  features,
  forward,
  freezeAll,
  given,
  ladder,
  ladderSide,
  linear,
  list,
  type Model,
  model,
  parameter,
  pipe,
  relu,
  repeat,
  residual,
  samVitB,
  sequential,
  table,
  vit,
} from "../../src/dsl/index.ts"
import { relativeError, valuesFor } from "../ir/support.ts"

const d = 6
const block = () => residual(sequential(linear(d, d), relu))
const takes = { x: given([4, d]) }
const net = model(
  define("Net", { blocks: repeat(3, block), head: linear(d, 2) }, { x: features(d) }, (m, { x }) => ({
    out: m.head(m.blocks(x)),
  })),
  { name: "Net", takes, blocks: "blocks" },
)
/** Rungs beside blocks 1 and 3, of 2 and 3 features. */
const climbed = pipe(
  net,
  freezeAll,
  adapt(table([2, null, 3]), (rank) => [ladder(rank, linear(rank, rank))]),
)
const rung = (width: number, before: number) =>
  define(
    "Rung",
    {
      gate: parameter([1]),
      down: linear(d as number, width),
      ...(width === before ? {} : { carry: linear(before, width) }),
      side: linear(width, width),
    },
    { x: features(d as number), s: features(before) },
    (m: any, { x, s }: any) => {
      const g = forward.sigmoid(forward.scale(m.gate, 10))
      const from = m.carry === undefined ? s : m.carry(s)
      return m.side(forward.add(from, forward.mul(forward.sub(m.down(x), from), g)))
    },
  )
const written = model(
  define(
    "Net",
    {
      blocks: list([block(), block(), block()]),
      head: linear(d as number, 2),
      ladder_foot: linear(d as number, 2),
      ladder: list([rung(2, 2), rung(3, 2)]),
      ladder_top: linear(3, d as number),
    },
    { x: features(d as number) },
    (m: any, { x }) => {
      const one = m.blocks[0](x)
      const three = m.blocks[2](m.blocks[1](one))
      const s = m.ladder[1]({ x: three, s: m.ladder[0]({ x: one, s: m.ladder_foot(x) }) })
      return { out: m.head(forward.add(three, m.ladder_top(s))) }
    },
  ) as never,
  { name: "Net", takes } as never,
)
const graphOf = ({ data }: Model<any, any>) => inferenceProgram(data, standardSizes(data)).graph

test("is the network written out, tensor by tensor", () => {
  const names = (of: Model<any, any>) => tensorTable(of.data).map(({ name, shape }) => `${name} ${shape}`)
  expect(names(climbed).toSorted()).toEqual(names(written).toSorted())
  const values = valuesFor(graphOf(written), 4)
  const [ours, theirs] = [climbed, written].map((of) => evaluate(graphOf(of), values)["out"]!.data)
  expect(relativeError(ours!, theirs!)).toBeLessThan(1e-14)
  expect(relativeError(ours!, evaluate(graphOf(net), values)["out"]!.data)).toBeGreaterThan(1e-3)
})

test("learns alone; the blocks keep their names", () => {
  expect(learningNames(climbed.data).every((name) => name.startsWith("ladder"))).toBe(true)
  const names = (of: Model<any, any>) =>
    tensorTable(of.data).flatMap(({ name, part }) => (part === "adapters" ? [] : [name]))
  for (const [of, base] of [
    [climbed, net],
    [pipe(samVitB, ladderSide(48)), samVitB],
  ] as readonly (readonly [Model<any, any>, Model<any, any>])[])
    expect(names(of)).toEqual(names(base))
})

test("has one rung a block, as wide as it says, of blocks that a forward calls", () => {
  const problems = (of: Model<any, any>) =>
    modelProblems("model", of.data, tensorTable(of.data)).map(({ code, message }) => `${code}: ${message}`)
  const on = (of: Model<any, any>, placements: (rank: any) => readonly any[]) =>
    problems(pipe(of, freezeAll, adapt(table([2, 2, 2]) as never, placements) as never) as Model<any, any>)
  expect(on(net, (rank) => [ladder(rank, linear(rank, rank)), ladder(rank, linear(rank, rank))])).toEqual([
    "HS1027: a ladder has one rung a block, of blocks in one row",
  ])
  expect(on(net, (rank) => [ladder(rank, linear(3, 3) as never)])[0]).toMatch(
    /^HS1010: this layer takes 3 features, but gets 2/,
  )
  const bare = model(sequential(repeat(3, block)), { name: "Bare", takes, blocks: "0" })
  expect(on(bare, (rank) => [ladder(rank, linear(rank, rank))])).toEqual([
    "HS1027: a ladder is for blocks that a module's forward calls",
  ])
  expect(
    problems(
      pipe(
        model(vit({ depth: 3, width: d, heads: 2, gives: 2 }), {
          name: "ViT",
          takes: { image: given([3, 224, 224]) },
          blocks: "blocks",
        }),
        ladderSide(4) as never,
      ),
    ),
  ).toEqual([])
})
