/**
 * The thread that owns sessions, and the tensors that they share. onnxruntime blocks while it runs, so it does so here; and as a plain
 * script it starts alike from sources and from a build.
 *
 * State is written where it is read, where its last use is the op that writes it (order.ts); other state is double: a run reads one copy and
 * writes the other, and then they change places. onnxruntime-web gives new memory each time; onnxruntime-node writes into the tensors that it is given, and
 * gives copies of all of them, which nobody needs: a step's parameters and moments once more.
 */
export const workerSource = `
const { MessageChannel, parentPort, workerData: { path, web, threads } } = require("node:worker_threads")
const ort = require(path)
if (web) ort.env.wasm.numThreads = threads

const programs = {}
const held = {}, spare = {}
const tensor = ({ shape, data, type = "float32" }) => new ort.Tensor(type, data, shape)
const blank = (shape) => tensor({ shape, data: new Float32Array(shape.reduce((n, extent) => n * extent, 1)) })

// What is handed over to a closed port is freed at once, not when it is collected.
const { port1: nowhere } = new MessageChannel()
nowhere.close()
const release = (tensors) => nowhere.postMessage(undefined, tensors.map(({ data }) => data.buffer))

const act = {
  async create({ program, model, options, ...rest }) {
    programs[program] = { ...rest, session: await ort.InferenceSession.create(model, options) }
  },
  load({ tensors }) {
    for (const name in tensors) held[name] = tensor(tensors[name])
  },
  async run({ program, fed }) {
    const { session, inputs, outputs, state, inPlace } = programs[program]
    const feeds = {}, fetches = {}
    for (const name of inputs) feeds[name] = held[name] ?? tensor(fed[name])
    for (const name in outputs) fetches[name] = web ? null : blank(outputs[name])
    const next = (name) => (inPlace.includes(name) ? held[name] : (spare[name] ??= blank(held[name].dims)))
    for (const name in state) fetches[state[name]] = web ? null : next(name)
    const copies = await session.run(feeds, fetches)
    const results = web ? copies : fetches
    if (!web) release(Object.values(copies))
    for (const name in state) {
      if (!inPlace.includes(name)) spare[name] = held[name]
      held[name] = results[state[name]]
    }
    const values = Object.keys(outputs).map((name) => [name, { shape: outputs[name], data: results[name].data }])
    return [Object.fromEntries(values), web ? [] : values.map(([, { data }]) => data.buffer)]
  },
  read({ wanted }) {
    const values = wanted.filter((name) => name in held).map((name) => [name, { shape: held[name].dims, data: held[name].data }])
    return [Object.fromEntries(values), []]
  },
  async dispose({ program }) {
    await programs[program]?.session.release()
    delete programs[program]
  },
}
// One after another: a run must not see another's state half changed.
let last = Promise.resolve()
parentPort.on("message", ({ id, kind, ...message }) => {
  last = last.then(() => act[kind](message)).then(
    ([result, buffers] = [undefined, []]) => parentPort.postMessage({ id, result }, buffers),
    (problem) => parentPort.postMessage({ id, problem: String(problem?.message ?? problem) }),
  )
})
`
