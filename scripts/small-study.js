/**
 * The paper's question in small, from nothing to a table: docs/small-study.md.
 *
 *     npm run build && node scripts/small-study.js OUT [NERVES] [BUSI]
 *
 * NERVES is a folder as usgra-seg (images, masks, test; class 1 is nerve), BUSI one as Dataset_BUSI_with_GT; by default those beside the
 * repository in ../shared/data. What a finished step left in OUT is not done again.
 */
import { spawnSync } from "node:child_process"
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs"
import { dirname, join, resolve } from "node:path"
import { fileURLToPath } from "node:url"

const root = join(dirname(fileURLToPath(import.meta.url)), "..")
const [given = "study", nervesGiven, busiGiven] = process.argv.slice(2)
const out = resolve(given)
const shared = join(root, "../shared/data")
const nerves = resolve(nervesGiven ?? join(shared, "usgra-seg"))
const busi = resolve(busiGiven ?? join(shared, "busi-sample/Dataset_BUSI_with_GT"))
const models = ["hierarchical", "flat", "reversed", "withoutFirst", "withoutLast"]
const seeds = [0, 1, 2]
const epochs = { busi: 20, adapted: 20 }
const started = performance.now()

const at = (...names) => join(out, ...names)
const hasam = (...args) => {
  console.error(`hasam ${args.join(" ").replaceAll(out, given)}`)
  const { status } = spawnSync(process.execPath, [join(root, "bin/hasam.js"), ...args.map(String)], {
    cwd: root,
    stdio: ["ignore", "ignore", "inherit"],
  })
  if (status !== 0) process.exit(status ?? 1)
}
const once = (made, work) => {
  if (!existsSync(made)) work()
}
/** Trains a run, goes on with one that was interrupted, leaves one that is finished. */
const train = (run, spec, data, ...args) => {
  if (existsSync(at(run, "curves.svg"))) return
  const begun = existsSync(at(run, "last.safetensors"))
  hasam("train", spec, "--data", data, "--out", at(run), ...args, ...(begun ? ["--resume"] : []))
}

mkdirSync(out, { recursive: true })
once(at("phantoms"), () => hasam("data", "phantoms", at("phantoms"), "--count", 300, "--size", 160))
train("base", "examples/small", at("phantoms"))
let weights = at("phantoms.safetensors")
once(weights, () => hasam("weights", "export", at("base"), weights))
if (existsSync(busi)) {
  train("busi", "examples/small", busi, "--weights", weights, "--epochs", epochs.busi, "--rate", "3e-4")
  weights = at("pretrained.safetensors")
  once(weights, () => hasam("weights", "export", at("busi"), weights))
} else console.error(`skipped: there is no ${busi}; the base has seen phantoms only`)
if (!existsSync(nerves)) {
  console.error(`stopped: there is no ${nerves}`)
  process.exit(0)
}

const nerve = ["--class", 1, "--weights", weights]
once(at("unadapted/results.json"), () =>
  hasam("eval", "examples/small", "--data", nerves, ...nerve, "--out", at("unadapted")),
)
for (const model of models)
  for (const seed of seeds) {
    const run = `${model}-${seed}`
    train(run, `examples/small/adapted.ts#${model}`, nerves, ...nerve, "--epochs", epochs.adapted, "--seed", seed)
    once(at(run, "results.json"), () => hasam("eval", at(run)))
  }

const results = (run) => JSON.parse(readFileSync(at(run, "results.json"), "utf8"))
const mean = (xs) => xs.reduce((a, b) => a + b, 0) / xs.length
const sd = (xs) => Math.sqrt(xs.reduce((sum, x) => sum + (x - mean(xs)) ** 2, 0) / Math.max(1, xs.length - 1))
const of = (run, metric) =>
  mean(
    results(run)
      .cases.map((one) => one[metric])
      .filter((x) => x !== undefined),
  )
const cell = (runs, metric, factor) => {
  const values = runs.map((run) => factor * of(run, metric))
  return values.length > 1 ? `${mean(values).toFixed(2)} ± ${sd(values).toFixed(2)}` : mean(values).toFixed(2)
}
const row = (name, runs, learn = results(runs[0]).trainable) =>
  `| ${name} | ${learn.toLocaleString("en-US")} | ${cell(runs, "dice", 100)} | ${cell(runs, "iou", 100)} | ${cell(runs, "hd95", 1)} |`
const table = [
  "| model | parameters that learn | Dice % | IoU % | HD95 px |",
  "|---|---:|---:|---:|---:|",
  row("not adapted", ["unadapted"], 0),
  ...models.map((model) =>
    row(
      model,
      seeds.map((seed) => `${model}-${seed}`),
    ),
  ),
].join("\n")

/** Cases are the same in all runs; a case's Dice is its mean over the seeds. */
const merged = (model) => {
  const all = seeds.map((seed) => results(`${model}-${seed}`))
  const cases = all[0].cases.map(({ id }) => {
    const same = all.map(({ cases }) => cases.find((one) => one.id === id))
    return {
      id,
      dice: mean(same.map(({ dice }) => dice)),
      iou: mean(same.map(({ iou }) => iou)),
      hd95: mean(same.map(({ hd95 }) => hd95)),
    }
  })
  return { ...all[0], model, cases }
}
for (const model of models) {
  mkdirSync(at("mean", model), { recursive: true })
  writeFileSync(at("mean", model, "results.json"), JSON.stringify({ $schema: "hasam/results/1", ...merged(model) }))
}
const compared = spawnSync(
  process.execPath,
  [
    join(root, "bin/hasam.js"),
    "compare",
    ...models.toReversed().map((model) => at("mean", model)),
    "--test",
    "paired",
    "--holm",
    "--format",
    "markdown",
  ],
  { encoding: "utf8" },
)
const text = `${table}\n\nMean ± standard deviation of the seeds' means over ${results("hierarchical-0").cases.length} test images.\n\nEach image's mean over the seeds, against \`hierarchical\`:\n\n${compared.stdout}`
writeFileSync(at("table.md"), text)
console.log(text)
console.error(`${((performance.now() - started) / 60_000).toFixed(1)} minutes`)
