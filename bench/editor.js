/**
 * How long after an edit an editor has new counts, and new diagnostics: a language server, and a client that asks as VS Code does, when the server says
 * that there is something to ask for. The pause after the last key (150 ms) is in it.
 *
 *     npm run build && node bench/editor.js [--edits 20]
 */
import { spawn } from "node:child_process"
import { createRequire } from "node:module"
import { dirname, join } from "node:path"
import { fileURLToPath, pathToFileURL } from "node:url"
import { parseArgs } from "node:util"
import { median } from "simple-statistics"

const require = createRequire(import.meta.url)
const { createProtocolConnection, StreamMessageReader, StreamMessageWriter } = require("vscode-languageserver/node")
const root = join(dirname(fileURLToPath(import.meta.url)), "..")
const { values } = parseArgs({ options: { edits: { type: "string", default: "20" } } })

/** The paper's model, with a number that is edited. */
const spec = (
  r,
) => `import { adapt, afterAttention, freezeAll, inMlpResidual, linear, pipe, type Rank, relu, residual, samVitB, schedule, sequential } from "hasam"
const adapter = (rank: Rank) => residual(sequential(linear(768, rank), relu, linear(rank, 768)))
const ranks = schedule(12, (i) => (768 * ${r} * i) / 6)
export const edited = pipe(samVitB, freezeAll, adapt(ranks, (rank) => [afterAttention(adapter(rank)), inMlpResidual(adapter(rank))]))
`
const server = spawn(process.execPath, [join(root, "bin/hasam.js"), "lsp"], {
  cwd: root,
  stdio: ["pipe", "pipe", "inherit"],
})
const client = createProtocolConnection(new StreamMessageReader(server.stdout), new StreamMessageWriter(server.stdin))
const uri = pathToFileURL(join(root, "test/edited.ts")).href
let version = 0
let since = 0
let label = ""
let waiting = {}
client.onRequest("workspace/inlayHint/refresh", () => {
  void ask()
  return null
})
const everything = { start: { line: 0, character: 0 }, end: { line: 100, character: 0 } }
const ask = async () => {
  // The server may be told to leave while the last answer is on its way.
  const hints = await client
    .sendRequest("textDocument/inlayHint", { textDocument: { uri }, range: everything })
    .catch(() => [])
  const found = hints.find(({ label }) => label.includes("learn"))?.label
  if (found === undefined || found === label) return
  label = found
  waiting.counts?.(performance.now() - since)
}
client.onNotification("textDocument/publishDiagnostics", (given) => {
  if (given.version === version) waiting.diagnostics?.(performance.now() - since)
})
client.listen()
await client.sendRequest("initialize", {
  processId: process.pid,
  rootUri: null,
  capabilities: { workspace: { inlayHint: { refreshSupport: true } } },
})
await client.sendNotification("initialized", {})

const edit = async (r) => {
  version += 1
  const counts = new Promise((done) => {
    waiting = { counts: done }
  })
  const diagnostics = new Promise((done) => {
    waiting.diagnostics = done
  })
  since = performance.now()
  const text = spec(r)
  await (version === 1
    ? client.sendNotification("textDocument/didOpen", {
        textDocument: { uri, languageId: "typescript", version, text },
      })
    : client.sendNotification("textDocument/didChange", { textDocument: { uri, version }, contentChanges: [{ text }] }))
  return Promise.all([counts, diagnostics])
}
const first = await edit(0.25)
const times = []
for (let i = 0; i < Number(values.edits); i += 1) times.push(await edit(0.26 + i / 100))
const line = (name, of) =>
  `${name.padEnd(12)} ${median(of).toFixed(0).padStart(6)} ${Math.max(...of)
    .toFixed(0)
    .padStart(6)}`
console.log(
  `ms           median   most   (${times.length} edits; opened: counts ${first[0].toFixed(0)}, diagnostics ${first[1].toFixed(0)})`,
)
console.log(
  line(
    "counts",
    times.map(([counts]) => counts),
  ),
)
console.log(
  line(
    "diagnostics",
    times.map(([, diagnostics]) => diagnostics),
  ),
)
await client.sendRequest("shutdown")
await client.sendNotification("exit")
client.dispose()
