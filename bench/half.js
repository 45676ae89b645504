// What 16-bit weights change: node bench/half.js SPEC DATA FULL HALF, with the weights.safetensors of two pages, one written with --half. Logits and Dice of
// the images that no training on DATA saw, asked by their masks' centres, on the CPU engine.
import { cpu } from "../dist/backends/onnx/engine.js"
import { centre } from "../dist/dsl/training.js"
import { modelWeights } from "../dist/runtime/base.js"
import { openData } from "../dist/runtime/data/layouts/index.js"
import { reader } from "../dist/runtime/data/reader.js"
import { splitCases } from "../dist/runtime/data/split.js"
import { selectModel } from "../dist/runtime/select.js"
import { classesTaught, pixelsOf } from "../dist/runtime/task/index.js"
import { predictor } from "../dist/runtime/training/predict.js"

const [spec, data, ...files] = process.argv.slice(2)
if (files.length !== 2) {
  console.error("node bench/half.js SPEC DATA FULL HALF")
  process.exit(2)
}
const { model } = await selectModel(spec)
const { cases } = await openData(data)
const split = splitCases(cases, { seed: 0 })
const unseen = cases.filter(({ id }) => split.test.includes(id) || split.validation.includes(id))
const samples = reader({ pixels: pixelsOf(model.data), labels: classesTaught(model.data), seed: 0, prompt: centre })

/** Logits at the image's own size, image by image, and the masks. */
const answers = async (weights) => {
  const { tensors } = await modelWeights(model.data, weights, 0)
  const using = await predictor(cpu(), model.data, tensors, centre)
  const found = []
  for await (const sample of samples.evaluation(unseen))
    found.push({ logits: await using.predict(sample), truth: sample.mask.data })
  await using.dispose()
  return found
}
const dice = (logits, truth) => {
  const [both, all] = logits.reduce(([b, a], v, i) => [b + (v > 0) * truth[i], a + (v > 0) + truth[i]], [0, 0])
  return all === 0 ? 1 : (2 * both) / all
}
const mean = (values) => values.reduce((sum, v) => sum + v, 0) / values.length
const [full, half] = [await answers(files[0]), await answers(files[1])]
const pairs = full.flatMap(({ logits }, i) => Array.from(logits, (v, j) => [v, half[i].logits[j]]))
const greatest = (of) => pairs.reduce((most, pair) => Math.max(most, of(pair)), 0)
const scores = [full, half].map((all) => all.map(({ logits, truth }) => dice(logits, truth)))
console.log(`${full.length} images, ${pairs.length} pixels
logits: largest ${greatest(([a]) => Math.abs(a)).toFixed(2)}, off by at most ${greatest(([a, b]) => Math.abs(a - b)).toFixed(4)}, in the mean ${mean(pairs.map(([a, b]) => Math.abs(a - b))).toFixed(5)}
pixels on the other side: ${pairs.filter(([a, b]) => a > 0 !== b > 0).length}
Dice: ${scores.map((all) => mean(all).toFixed(4)).join(" and ")}, of one image off by at most ${Math.max(...scores[0].map((v, i) => Math.abs(v - scores[1][i]))).toFixed(4)}`)
