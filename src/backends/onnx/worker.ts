/**
 * The thread that owns the sessions. onnxruntime blocks while it runs, so it does so here; and as a plain script it starts alike from
 * sources and from a build.
 */
export const workerSource = `
const { parentPort, workerData } = require("node:worker_threads")
const ort = require(workerData.runtime)
if (workerData.web) ort.env.wasm.numThreads = workerData.threads

let session, state = {}, spare = {}, loaded = {}, names
const tensor = ({ shape, data }) => new ort.Tensor("float32", data, shape)
const plain = (t) => ({ shape: t.dims.map(Number), data: t.data })

const act = {
  async create({ model, options, stateNames }) {
    session = await ort.InferenceSession.create(model, options)
    names = stateNames
  },
  load({ tensors }) {
    for (const [name, value] of Object.entries(tensors))
      (name in names ? state : loaded)[name] = tensor(value)
  },
  async run({ inputs }) {
    const feeds = { ...loaded, ...state }
    for (const [name, value] of Object.entries(inputs)) feeds[name] = tensor(value)
    const used = Object.fromEntries(session.inputNames.map((name) => {
      if (!(name in feeds)) throw new Error("internal: no value for '" + name + "'")
      return [name, feeds[name]]
    }))
    const fetches = {}
    for (const name of session.outputNames) fetches[name] = null
    // State is written into the buffers of the step before last.
    for (const [name, output] of Object.entries(names)) {
      spare[name] ??= tensor({ shape: state[name].dims, data: new Float32Array(state[name].data.length) })
      if (!workerData.web) fetches[output] = spare[name]
    }
    const results = workerData.web ? await session.run(used) : await session.run(used, fetches)
    for (const [name, output] of Object.entries(names)) {
      spare[name] = state[name]
      state[name] = results[output]
      delete results[output]
    }
    return Object.fromEntries(Object.entries(results).map(([name, t]) => [name, plain(t)]))
  },
  read({ wanted }) {
    return Object.fromEntries(wanted.filter((name) => name in state).map((name) => {
      const { shape, data } = plain(state[name])
      return [name, { shape, data: Float32Array.from(data) }]
    }))
  },
  async dispose() {
    await session?.release()
    session = undefined; state = {}; spare = {}; loaded = {}
  },
}
parentPort.on("message", async ({ id, kind, ...message }) => {
  try {
    parentPort.postMessage({ id, result: await act[kind](message) })
  } catch (problem) {
    parentPort.postMessage({ id, problem: String(problem?.message ?? problem) })
  }
})
`
