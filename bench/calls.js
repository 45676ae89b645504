// What it would save to write blocks that repeat once, as functions that are called: XLA's time and memory for a described H100, with and without.
//   npm run build && HASAM_CUDA_PLUGIN=… node bench/calls.js [segment|train]
// Both are the text that hasam emits; here runs of a block's operations become functions, equal ones the same function.

import { spawnSync } from "node:child_process"
import { readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { describedText } from "../dist/backends/xla/described.js"
import { emit } from "../dist/backends/xla/stablehlo/index.js"
import { learningNames } from "../dist/compiler/analysis/parameters.js"
import { compileSpecs } from "../dist/compiler/compile.js"
import { standardSizes } from "../dist/compiler/passes/elaborate/index.js"
import { inferenceProgram, trainingProgram } from "../dist/compiler/passes/program.js"
import { paperDefaults } from "../dist/dsl/index.js"

/** Operations of a block that stand beside one another; fewer are not worth a function. */
const least = 8
const values = /%(?:arg)?\d+/g
const resultOf = (line) => /^ {4}(%\d+)/.exec(line)[1]
const operandsOf = (line) => line.replace(/^ {4}%\d+(:\d+)? =/, "").match(values) ?? []
const typesIn = (lines) =>
  lines.flatMap((line) => {
    const [, argument, of] = /^ {4}(%arg\d+): (tensor<[^>]*>)/.exec(line) ?? []
    const [, result, type] = /^ {4}(%\d+) = .*(tensor<[^>]*>)(?: loc\(#p\d+\))?$/.exec(line) ?? []
    return argument !== undefined ? [[argument, of]] : result !== undefined ? [[result, type]] : []
  })

/** The same program with functions for what repeats; and how often they are called. */
const withCalls = (text) => {
  const lines = text.split("\n")
  const begin = lines.findIndex((line) => line.startsWith("  ) -> ")) + 1
  const end = lines.findIndex((line) => line.startsWith("    return "))
  const places = new Map(lines.flatMap((line) => [/^(#p\d+) = loc\("(.*)"\)$/.exec(line)?.slice(1) ?? []]))
  const types = new Map(typesIn(lines.slice(0, end)))
  // Constants are shared by all blocks: they come first, and are operands of the functions.
  const isConstant = (line) => /= stablehlo\.(constant|iota)/.test(line)
  const blockOf = (line) => {
    const place = places.get(/loc\((#p\d+)\)$/.exec(line)?.[1])
    return /^image_encoder\.blocks\.(\d+)(\.|$)/.exec(place ?? "")?.[1]
  }
  const runs = []
  for (const line of lines.slice(begin, end).filter((line) => !isConstant(line))) {
    const [block, last] = [blockOf(line), runs.at(-1)]
    if (last !== undefined && last.block === block) last.lines.push(line)
    else runs.push({ block, lines: [line] })
  }
  const users = new Map()
  const use = (value, run) => users.set(value, (users.get(value) ?? new Set()).add(run))
  for (const run of runs) for (const line of run.lines) for (const value of operandsOf(line)) use(value, run)
  for (const value of operandsOf(lines[end])) use(value, undefined)

  const functions = new Map()
  const renamed = new Map()
  const again = (line) => line.replace(values, (value) => renamed.get(value) ?? value)
  let calls = 0
  const body = runs.flatMap((run, i) => {
    if (run.block === undefined || run.lines.length < least) return run.lines.map(again)
    const [inside, inputs, outputs] = [new Map(), [], []]
    for (const line of run.lines) {
      for (const value of operandsOf(line).filter((value) => !inside.has(value))) {
        inside.set(value, `%arg${inputs.length}`)
        inputs.push(value)
      }
      const result = resultOf(line)
      inside.set(result, `%v${inside.size}`)
      if ([...(users.get(result) ?? [])].some((user) => user !== run)) outputs.push(result)
    }
    const typesOf = (of) => of.map((value) => types.get(value)).join(", ")
    const own = run.lines.map((line) =>
      line.replace(/ loc\(#p\d+\)$/, "").replace(values, (value) => inside.get(value)),
    )
    const taken = inputs.map((value, n) => `%arg${n}: ${types.get(value)}`).join(", ")
    const given = `    return ${outputs.map((value) => inside.get(value)).join(", ")} : ${typesOf(outputs)}`
    const code = `(${taken}) -> (${typesOf(outputs)}) {\n${own.join("\n")}\n${given}\n  }`
    if (!functions.has(code)) functions.set(code, `@block${functions.size}`)
    calls += 1
    const several = outputs.length > 1
    const call = `    %c${i}${several ? `:${outputs.length}` : ""} = call ${functions.get(code)}(${inputs.map((value) => renamed.get(value) ?? value).join(", ")}) : (${typesOf(inputs)}) -> (${typesOf(outputs)})`
    outputs.forEach((value, n) => renamed.set(value, several ? `%c${i}#${n}` : `%c${i}`))
    return [call]
  })
  const made = [...functions].map(([code, name]) => `  func.func private ${name}${code}`)
  const rest = lines.slice(end + 1).filter((line) => line.startsWith("#p"))
  const all = [
    ...lines.slice(0, begin),
    ...lines.slice(begin, end).filter(isConstant),
    ...body,
    again(lines[end]),
    "  }",
  ]
  return { text: [...all, ...made, "}", ...rest, ""].join("\n"), functions: functions.size, calls }
}

/** Processor seconds of children that have ended (Linux). */
const ticks = Number(spawnSync("getconf", ["CLK_TCK"], { encoding: "utf8" }).stdout || 100)
const ofChildren = () => {
  const [, fields] = readFileSync("/proc/self/stat", "utf8").split(") ")
  const [user, system] = fields.split(" ").slice(13, 15).map(Number)
  return (user + system) / ticks
}

const [what = "train"] = process.argv.slice(2)
const { models } = await compileSpecs([`${fileURLToPath(new URL("../examples/ablations", import.meta.url))}#flat`])
const { data } = models[0]
const sizes = standardSizes(data)
const program =
  what === "segment"
    ? inferenceProgram(data, sizes)
    : trainingProgram(data, sizes, { ...paperDefaults, learning: learningNames(data) }).program
const { text } = emit(program)
const called = withCalls(text)
for (const [name, of] of [
  ["written out", text],
  [`${called.calls} calls of ${called.functions} functions`, called.text],
]) {
  const before = ofChildren()
  const { total } = await describedText(of)
  console.log(
    `${what}, ${name}: ${Math.round(total / 2 ** 20)} MiB, text ${(of.length / 1e6).toFixed(2)} MB, ${(ofChildren() - before).toFixed(1)} processor-seconds`,
  )
}
