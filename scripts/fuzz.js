// npm run fuzz -- --seconds 60 [--seed 1] [--only spec,options]: random damage to all that comes from outside. Nothing may crash, hang, have an unknown code or
// leave a file half-written. Each find is printed with the seed that makes it again.
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"

const root = join(fileURLToPath(import.meta.url), "../..")
const load = (path) => import(join(root, "dist", path))
const patience = 120_000

const { stream } = await load("runtime/data/random.js")
const { codes } = await load("compiler/codes/index.js")
const { Failed } = await load("compiler/diagnostic.js")

const pick = (random, list) => list[random.below(list.length)]
const strange = [
  "",
  "-1",
  "0",
  "1.5",
  "NaN",
  "1e400",
  "99999999999999999999",
  "__proto__",
  "constructor",
  "\u001b[31m",
  "../..",
  "é",
  "\u0000",
  "null",
  "[]",
  "{}",
  "=1+1",
  "#",
  "%00",
]

/** Tokens lost, doubled, exchanged, or made strange. */
const damagedText = (random, text) => {
  const tokens = text.match(/[\w$.]+|\s+|[^\w\s]/g) ?? []
  for (let n = 1 + random.below(3); n > 0 && tokens.length > 0; n -= 1) {
    const i = random.below(tokens.length)
    const act = random.below(5)
    if (act === 0) tokens.splice(i, 1)
    else if (act === 1) tokens.splice(i, 0, tokens[random.below(tokens.length)])
    else if (act === 2) tokens[i] = pick(random, strange)
    else if (act === 3) tokens[i] = tokens[random.below(tokens.length)]
    else if (/^\d/.test(tokens[i])) tokens[i] = pick(random, ["-1", "0", "1.5", "NaN", "1e9", "Infinity"])
  }
  return tokens.join("")
}
const damagedBytes = (random, bytes) => {
  const out = Buffer.from(bytes)
  for (let n = 1 + random.below(8); n > 0; n -= 1) out[random.below(out.length)] = random.below(256)
  return random.below(4) === 0 ? out.subarray(0, random.below(out.length)) : out
}

const demandKnown = (diagnostics) => {
  for (const { code, message } of diagnostics) {
    if (!(Object.hasOwn(codes, code) || /^TS\d+$/.test(code))) throw new Error(`unknown code ${code}`)
    if (/internal:|\[object Object\]/.test(message))
      throw new Error(`a message that blames or shows nothing: ${message}`)
  }
}
/** Refusing is fine; anything else that is thrown is a find. */
const refusing = async (work) => {
  try {
    const result = await work()
    if (Array.isArray(result)) demandKnown(result)
  } catch (problem) {
    if (!(problem instanceof Failed)) throw problem
    demandKnown(problem.diagnostics)
  }
}

/** What a round may be: prepared once, then damaged by seed. */
const targets = async (folder) => {
  const { compileSpecs } = await load("compiler/compile.js")
  const { receivingOf } = await load("compiler/analysis/summary.js")
  const { program } = await load("cli/program.js")
  const { kindOf } = await load("cli/options.js")
  const { overBudget } = await load("cli/budget.js")
  const { checkData } = await load("runtime/data/check.js")
  const { writePhantoms } = await load("runtime/data/phantoms/index.js")
  const { readLast, readRun, readLog, writeLast, atStart } = await load("runtime/training/checkpoint.js")
  const { inspect } = await load("runtime/weights/inspect.js")
  const { loadAll } = await load("runtime/weights/load.js")
  const { save } = await load("runtime/weights/save.js")
  const { loadSplit } = await load("runtime/data/splitFile.js")
  const { readPoints } = await load("runtime/data/prompts.js")
  const inFolder = (name) => join(folder, name)

  const examples = ["examples/small/adapted.ts", "examples/ha-sam/index.ts"].map((file) =>
    readFileSync(join(root, file), "utf8"),
  )
  const leaves = (command, path = []) =>
    command.commands.length === 0
      ? [[path, command]]
      : command.commands.flatMap((inner) => leaves(inner, [...path, inner.name()]))
  const options = leaves(program()).flatMap(([path, command]) =>
    command.options
      .filter(({ required, optional }) => required || optional)
      .map((option) => [path.at(-1), option.long]),
  )
  await writePhantoms(inFolder("data"), { n: 4, size: 32, seed: 1, perSubject: 1 })
  const table = readFileSync(inFolder("data/data.csv"), "utf8")
  const image = inFolder(`data/images/${readdirSync(inFolder("data/images"))[0]}`)
  const pixels = readFileSync(image)
  const identity = { run: "r", base: "b" }
  const tensors = { a: { shape: [2, 3], data: new Float32Array(6) }, "b.c": { shape: [4], data: new Float32Array(4) } }
  mkdirSync(inFolder("run"))
  await writeLast(inFolder("run"), tensors, atStart, identity)
  const last = readFileSync(inFolder("run/last.safetensors"))
  const about = JSON.stringify({
    version: "1",
    name: "m",
    model: "M",
    hash: "h",
    base: "b",
    spec: "s",
    weights: null,
    data: "d",
    layout: "table",
    target: "cpu",
    options: { epochs: 1 },
  })
  await save(inFolder("w.safetensors"), tensors)
  await save(inFolder("w.pth"), tensors)
  const checkpoints = ["w.safetensors", "w.pth"].map((name) => readFileSync(inFolder(name)))

  return {
    spec: async (random) => {
      const file = inFolder("spec.ts")
      writeFileSync(file, damagedText(random, pick(random, examples)))
      const { report } = await compileSpecs([file], { receives: receivingOf })
      demandKnown(report.diagnostics)
      for (const { name, total, trainable } of report.models)
        if (!Number.isSafeInteger(total) || !Number.isSafeInteger(trainable))
          throw new Error(`'${name}' counts ${total}, ${trainable}`)
    },
    options: async (random) => {
      const [command, option] = pick(random, options)
      const kind = await kindOf(command, option)
      await refusing(
        () => void kind.read(option, random.below(2) === 0 ? pick(random, strange) : damagedText(random, kind.right)),
      )
    },
    budget: async (random) => {
      const file = inFolder("budget.json")
      writeFileSync(file, damagedText(random, '{ "a": { "trainable": 100, "bytes": 400 }, "*": { "bytes": 7 } }'))
      await refusing(() => overBudget(file, { models: [{ name: "a", trainable: 100 }] }, ["a", "b"]))
    },
    table: async (random) => {
      writeFileSync(inFolder("data/data.csv"), damagedText(random, table))
      demandKnown((await checkData(inFolder("data"))).diagnostics)
      writeFileSync(inFolder("data/data.csv"), table)
    },
    image: async (random) => {
      writeFileSync(image, damagedBytes(random, pixels))
      demandKnown((await checkData(inFolder("data"))).diagnostics)
      writeFileSync(image, pixels)
    },
    run: async (random) => {
      writeFileSync(inFolder("run/run.json"), damagedText(random, about))
      writeFileSync(inFolder("run/last.safetensors"), damagedBytes(random, last))
      writeFileSync(
        inFolder("run/log.jsonl"),
        damagedText(random, '{"step":1,"epoch":0,"loss":0.5}\n{"step":2,"epoch":1,"loss":0.4}\n'),
      )
      await refusing(async () => void (await readRun(inFolder("run"))))
      await refusing(async () => void (await readLast(inFolder("run"), identity)))
      await refusing(async () => void (await readLog(inFolder("run"), 5)))
    },
    weights: async (random) => {
      const file = inFolder("damaged.bin")
      writeFileSync(file, damagedBytes(random, pick(random, checkpoints)))
      await refusing(async () => void (await inspect(file)))
      await refusing(async () => void (await loadAll(file)))
    },
    files: async (random) => {
      const file = inFolder("small.json")
      writeFileSync(
        file,
        damagedText(
          random,
          '{ "$schema": "hasam/split/1", "seed": 0, "by": "case", "train": ["a"], "validation": ["b"], "test": ["c"] }',
        ),
      )
      await refusing(async () => void (await loadSplit(file, [])))
      writeFileSync(file, damagedText(random, '[{ "id": "a", "x": 1, "y": 2 }]'))
      await refusing(async () => void (await readPoints(file)))
    },
  }
}

const late = (milliseconds) => {
  let timer
  const promise = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no end after ${milliseconds / 1000} s`)), milliseconds)
  })
  return { promise, stop: () => clearTimeout(timer) }
}

/** Rounds until the time is up; what was found, with the seeds that make it again. */
export const fuzz = async ({ seconds, seed = 1, only }) => {
  const folder = mkdtempSync(join(tmpdir(), "hasam-fuzz-"))
  const all = await targets(folder)
  const names = Object.keys(all).filter((name) => only === undefined || only.includes(name))
  const counts = Object.fromEntries(names.map((name) => [name, 0]))
  const finds = []
  const end = Date.now() + 1000 * seconds
  try {
    for (let round = 0; Date.now() < end; round += 1) {
      const name = names[round % names.length]
      const at = seed + Math.floor(round / names.length)
      const clock = late(patience)
      try {
        await Promise.race([all[name](stream("fuzz", name, at)), clock.promise])
        const beside = readdirSync(folder, { recursive: true }).filter((file) => file.endsWith(".part"))
        if (beside.length > 0) throw new Error(`left beside: ${beside.join(", ")}`)
      } catch (problem) {
        finds.push({ name, seed: at, problem: problem instanceof Error ? problem.stack : String(problem) })
      } finally {
        clock.stop()
      }
      counts[name] += 1
    }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
  return { counts, finds }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const argument = (name) => (process.argv.includes(name) ? process.argv[process.argv.indexOf(name) + 1] : undefined)
  const { counts, finds } = await fuzz({
    seconds: Number(argument("--seconds") ?? 60),
    seed: Number(argument("--seed") ?? 1),
    only: argument("--only")?.split(","),
  })
  for (const { name, seed, problem } of finds) console.log(`${name} --seed ${seed}: ${problem}\n`)
  const total = Object.values(counts).reduce((a, b) => a + b, 0)
  console.log(
    `${total} rounds (${Object.entries(counts)
      .map(([name, n]) => `${name} ${n}`)
      .join(", ")}), ${finds.length} finds`,
  )
  process.exitCode = finds.length === 0 ? 0 : 1
}
