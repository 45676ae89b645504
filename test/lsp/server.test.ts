/** The language server, spoken to in its protocol by a client as an editor's. */
import { spawn, spawnSync } from "node:child_process"
import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { pathToFileURL } from "node:url"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import {
  type CodeAction,
  type CompletionItem,
  createProtocolConnection,
  type Hover,
  type InlayHint,
  type ProtocolConnection,
  type PublishDiagnosticsParams,
  StreamMessageReader,
  StreamMessageWriter,
} from "vscode-languageserver/node"
import { packageRoot } from "../../src/compiler/frontend/package.ts"

const uriOf = (path: string): string => pathToFileURL(join(packageRoot, path)).href
const spec = `import { adapt, afterAttention, expectTrainable, freeze, freezeAll, linear, pipe, type Rank, relu, residual, samVitB, sequential, tensor, uniform } from "hasam"
const adapter = (rank: Rank) => residual(sequential(linear(768, rank), relu, linear(rank, 768)))
export const mine = pipe(
  samVitB,
  freezeAll,
  adapt(uniform(12, 8), (rank) => [afterAttention(adapter(rank))]),
  expectTrainable(156_768),
)
`

let client: ProtocolConnection
const server = spawn(process.execPath, [join(packageRoot, "bin/hasam.js"), "lsp", "--stdio"])
const received: PublishDiagnosticsParams[] = []
/** What was compiled, as the server tells it: a uri each time. */
const compiled: string[] = []
const versions = new Map<string, number>()

const open = (uri: string, text: string): void => {
  versions.set(uri, 1)
  void client.sendNotification("textDocument/didOpen", {
    textDocument: { uri, languageId: "typescript", version: 1, text },
  })
}
const change = (uri: string, text: string): void => {
  const version = versions.get(uri)! + 1
  versions.set(uri, version)
  void client.sendNotification("textDocument/didChange", { textDocument: { uri, version }, contentChanges: [{ text }] })
}
/** The diagnostics of the text that was sent last. */
const told = async (uri: string): Promise<PublishDiagnosticsParams> => {
  for (;;) {
    const found = received.findLast((one) => one.uri === uri && one.version === versions.get(uri))
    if (found !== undefined) return found
    await new Promise((done) => setTimeout(done, 20))
  }
}
const everything = { start: { line: 0, character: 0 }, end: { line: 1000, character: 0 } }
const hints = (uri: string) =>
  client.sendRequest<InlayHint[]>("textDocument/inlayHint", { textDocument: { uri }, range: everything })

beforeAll(async () => {
  client = createProtocolConnection(new StreamMessageReader(server.stdout), new StreamMessageWriter(server.stdin))
  client.onNotification(
    "textDocument/publishDiagnostics",
    (given: PublishDiagnosticsParams) => void received.push(given),
  )
  client.onNotification("hasam/compiled", ({ uri }: { uri: string }) => void compiled.push(uri))
  client.onRequest("workspace/inlayHint/refresh", () => null)
  client.listen()
  const { serverInfo } = await client.sendRequest<{ serverInfo: { name: string } }>("initialize", {
    processId: process.pid,
    rootUri: null,
    capabilities: { workspace: { inlayHint: { refreshSupport: true } } },
  })
  expect(serverInfo.name).toBe("hasam")
  await client.sendNotification("initialized", {})
})
afterAll(async () => {
  await client.sendRequest("shutdown")
  await client.sendNotification("exit")
  client.dispose()
})

test("ten mistakes: the compiler's ten diagnostics, at the same places", async () => {
  const path = "test/invalid/ten-mistakes.ts"
  const uri = uriOf(path)
  open(uri, readFileSync(join(packageRoot, path), "utf8"))
  const { diagnostics } = await told(uri)
  const compiled = spawnSync(process.execPath, [join(packageRoot, "bin/hasam.js"), "compile", path, "--json"], {
    cwd: packageRoot,
    encoding: "utf8",
  })
  const expected: { line: number; column: number; code: string; message: string }[] = JSON.parse(
    compiled.stdout,
  ).diagnostics
  expect(expected).toHaveLength(10)
  expect(
    diagnostics.map(({ range: { start }, code, message }) => ({
      line: start.line + 1,
      column: start.character + 1,
      code,
      message: message.split("\n")[0],
    })),
  ).toEqual(expected.map(({ line, column, code, message }) => ({ line, column, code, message })))
})

test("counts and ranks stand at models and schedules, and follow an edit that is not saved", async () => {
  const uri = uriOf("test/lsp/not-on-disk.ts")
  open(uri, spec)
  expect((await told(uri)).diagnostics).toEqual([])
  expect((await hints(uri)).map(({ position, label }) => [position.line, label])).toEqual([
    [2, "156,768 of 93,892,240 learn (0.17 %)"],
    [5, "ranks 8, 8, 8, 8, 8, 8, 8, 8, 8, 8, 8, 8"],
  ])
  change(uri, spec.replace("uniform(12, 8)", "uniform(12, 16)"))
  const [wrong] = (await told(uri)).diagnostics
  expect(wrong).toMatchObject({ code: "HS1003", message: expect.stringContaining("trains 304_320 parameters") })
  expect((await hints(uri)).map(({ label }) => label)).toEqual([
    "304,320 of 94,039,792 learn (0.32 %)",
    "ranks 16, 16, 16, 16, 16, 16, 16, 16, 16, 16, 16, 16",
  ])
  const actions = await client.sendRequest<CodeAction[]>("textDocument/codeAction", {
    textDocument: { uri },
    range: wrong!.range,
    context: { diagnostics: [wrong] },
  })
  expect(actions.map(({ title }) => title)).toEqual(["Write 304_320"])
  const [edit] = actions[0]!.edit!.changes![uri]!
  expect(edit).toEqual({
    range: { start: { line: 6, character: 18 }, end: { line: 6, character: 25 } },
    newText: "304_320",
  })
})

test("a wrong name is mended with the nearest one", async () => {
  const uri = uriOf("test/lsp/wrong-name.ts")
  open(uri, spec.replace("freezeAll,\n", 'freezeAll,\n  freeze(tensor("image_encoder.pos_embet")),\n'))
  const { diagnostics } = await told(uri)
  const wrong = diagnostics.find(({ code }) => code === "HS1018")!
  expect(wrong.range.start.line).toBe(5)
  const actions = await client.sendRequest<CodeAction[]>("textDocument/codeAction", {
    textDocument: { uri },
    range: wrong.range,
    context: { diagnostics: [wrong] },
  })
  expect(actions[0]).toMatchObject({
    title: "Write 'image_encoder.pos_embed'",
    edit: { changes: { [uri]: [{ newText: "image_encoder.pos_embed" }] } },
  })
})

test("names complete inside selectors while the line is being written, and a pointer shows blocks and equations", async () => {
  const uri = uriOf("test/lsp/completed.ts")
  open(uri, spec)
  await told(uri)
  const completed = async (line: string): Promise<string[]> => {
    change(uri, spec.replace("freezeAll,\n", `freezeAll,\n  ${line}\n`))
    const items = await client.sendRequest<CompletionItem[]>("textDocument/completion", {
      textDocument: { uri },
      position: { line: 5, character: 2 + line.length },
    })
    return items.map(({ label }) => label)
  }
  expect(await completed('freeze("')).toEqual(["imageEncoder", "promptEncoder", "maskDecoder", "adapters"])
  expect(await completed('freeze(inBlocks("attn.')).toEqual(expect.arrayContaining(["attn.qkv", "mlp.lin1", "norm1"]))
  expect(await completed('freeze(tensor("')).toContain("image_encoder.pos_embed")
  expect(await completed('freeze(submodule("image_encoder.')).toContain("image_encoder.neck.0")
  expect(await completed('freeze("maskDecoder", "')).toContain("imageEncoder")
  expect(await completed("const x = ")).toEqual([])
  change(uri, spec)
  await told(uri)
  const hover = async (line: number, character: number) =>
    JSON.stringify(
      (await client.sendRequest<Hover | null>("textDocument/hover", {
        textDocument: { uri },
        position: { line, character },
      })) ?? null,
    )
  expect(await hover(2, 15)).toMatch(/imageEncoder +89,670,912.*█/)
  expect(await hover(5, spec.split("\n")[5]!.indexOf("afterAttention") + 3)).toContain("x₁ = x + A(a)")
  expect(await hover(3, 0)).toBe("null")
})

test("a file that has nothing to do with the language is left alone; a broken one says where", async () => {
  const other = uriOf("test/lsp/other.ts")
  open(other, "export const x: number = 'text'\n")
  const broken = uriOf("test/lsp/broken.ts")
  open(broken, `${spec}export const = 1\n`)
  expect((await told(broken)).diagnostics[0]?.range.start.line).toBe(8)
  expect(received.filter(({ uri, diagnostics }) => uri === other && diagnostics.length > 0)).toEqual([])
})

describe("a small spec, as it is being written", () => {
  const folder = mkdtempSync(join(tmpdir(), "hasam-lsp-"))
  mkdirSync(join(folder, "specs"))
  writeFileSync(join(folder, "ranks.ts"), "export const rank = 3\n")
  const small = `import { adapt, afterAttention, freeze, freezeAll, linear, pipe, type Rank, relu, residual, sam, sequential, uniform } from "hasam"
import { rank } from "../ranks.ts"
const net = sam({ imageSize: 32, patchSize: 8, width: 16, depth: 2, heads: 2, globalBlocks: [0], outChannels: 16, maskChannels: 4,
  decoder: { depth: 1, heads: 2, mlpWidth: 16, iouWidth: 8, iouDepth: 2, maskTokens: 2 } })
const adapter = (rank: Rank) => residual(sequential(linear(16, rank), relu, linear(rank, 16)))
export const mine = pipe(net, freezeAll, adapt(uniform(2, rank), (r) => [afterAttention(adapter(r))]))
`
  const uri = pathToFileURL(join(folder, "specs/mine.ts")).href
  const ranks = pathToFileURL(join(folder, "ranks.ts")).href
  const learning = async (of: string) => (await hints(of)).map(({ label }) => String(label).split(" ")[0])
  /** Hints of the text as it is now: those of an older one are none. */
  const following = async (of: string, n: string): Promise<void> => {
    while ((await learning(of))[0] !== n) await new Promise((done) => setTimeout(done, 30))
  }

  test("what it imports from a folder above is found, and an unsaved change there is followed", async () => {
    open(uri, small)
    expect((await told(uri)).diagnostics).toEqual([])
    expect(await learning(uri)).toEqual(["230", "ranks"])
    open(ranks, "export const rank = 5\n")
    await following(uri, "362")
    change(ranks, "export const rank: string = 5\n")
    const messages = () => received.findLast((one) => one.uri === uri)?.diagnostics.map(({ message }) => message) ?? []
    while (!messages().some((message) => message.startsWith("../ranks.ts(1,14): ")))
      await new Promise((done) => setTimeout(done, 30))
    change(ranks, "export const rank = 4\n")
    await following(uri, "296")
  })

  test("a line of keys is a few compilations", async () => {
    const before = compiled.length
    const line = small.split("\n").findIndex((text) => text.startsWith("export"))
    const at = small.split("\n")[line]!.indexOf("freezeAll")
    const typed = 'freeze("imageEncoder"),   '
    // Each key as editors send it: a range that is replaced.
    for (const [i, key] of [...typed].entries()) {
      const version = versions.get(uri)! + 1
      versions.set(uri, version)
      const position = { line, character: at + i }
      void client.sendNotification("textDocument/didChange", {
        textDocument: { uri, version },
        contentChanges: [{ range: { start: position, end: position }, text: key }],
      })
    }
    await told(uri)
    // A first key may have been compiled alone, and one compilation may have been under way.
    expect(compiled.slice(before).filter((one) => one === uri).length).toBeLessThanOrEqual(3)
    change(uri, small)
    expect((await told(uri)).diagnostics).toEqual([])
    await following(uri, "296")
  })

  test("a file that was never saved", async () => {
    const untitled = "untitled:Untitled-1"
    open(untitled, small.replace(/import { rank }.*\n/, "const rank = 3\n").replace("net, freezeAll", "net, freezeAl"))
    const [wrong] = (await told(untitled)).diagnostics
    expect(wrong).toMatchObject({ code: expect.stringMatching(/^TS|^HS/), range: { start: { line: 5 } } })
    change(untitled, small.replace(/import { rank }.*\n/, "const rank = 3\n"))
    expect((await told(untitled)).diagnostics).toEqual([])
    expect(await learning(untitled)).toEqual(["230", "ranks"])
  })
})
