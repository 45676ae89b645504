/** hasam lsp: the language server. It speaks on stdin and stdout, so nothing else may. */
import { basename, join } from "node:path"
import { fileURLToPath } from "node:url"
import {
  CodeActionKind,
  CompletionItemKind,
  createConnection,
  DiagnosticSeverity,
  InlayHintKind,
  MarkupKind,
  ProposedFeatures,
  type Diagnostic as Shown,
  TextDocumentSyncKind,
  TextDocuments,
} from "vscode-languageserver/node"
import { TextDocument } from "vscode-languageserver-textdocument"
import { version } from "../../compiler/compile.ts"
import type { Diagnostic } from "../../compiler/diagnostic.ts"
import { type Analysis, analyse, type Fix, lengthAt, offsetAt } from "./analysis.ts"
import { completionsOf, wantedAt } from "./completion.ts"
import { hoverOf, wordAt } from "./hover.ts"

/** Milliseconds without a key press before a spec is compiled. */
const pause = 150

/** A file that imports the language: every other TypeScript file is none of ours. */
const isSpec = (text: string): boolean => /\bfrom\s+["']hasam["']/.test(text)

const rangeOf = (document: TextDocument, { line, column }: Diagnostic) => {
  const start = line === 0 ? 0 : offsetAt(document.getText(), line, column)
  return {
    start: document.positionAt(start),
    end: document.positionAt(start + (line === 0 ? 0 : lengthAt(document.getText(), start))),
  }
}

const shown = (document: TextDocument, diagnostic: Diagnostic): Shown => ({
  range: rangeOf(document, diagnostic),
  severity: diagnostic.severity === "error" ? DiagnosticSeverity.Error : DiagnosticSeverity.Warning,
  code: diagnostic.code,
  source: "hasam",
  // The cause is the last thing that matters, and the first line.
  message: diagnostic.help === undefined ? diagnostic.message : `${diagnostic.message}\n${diagnostic.help}`,
})

/** Serves until the editor leaves. */
export const serve = (): Promise<void> => {
  const connection = createConnection(ProposedFeatures.all, process.stdin, process.stdout)
  const documents = new TextDocuments(TextDocument)
  const analyses = new Map<string, Analysis>()
  /** Hints of a text whose types are still being checked. */
  const early = new Map<string, Pick<Analysis, "text" | "hints">>()
  /** Models of the last text that compiled: names are completed while a line is being written. */
  const known = new Map<string, Analysis["models"]>()
  const waiting = new Map<string, NodeJS.Timeout>()
  const running = new Set<string>()

  /** Where untitled files would be saved. */
  let root = process.cwd()
  const pathOf = (uri: string): string => {
    if (uri.startsWith("file:")) return fileURLToPath(uri)
    const name = basename(decodeURIComponent(uri.replace(/^[\w.+-]+:/, ""))) || "untitled"
    return join(root, /\.[cm]?tsx?$/.test(name) ? name : `${name}.ts`)
  }
  /** What is open, by path: specs import one another before they are saved. */
  const open = (): ReadonlyMap<string, string> =>
    new Map(documents.all().map((document) => [pathOf(document.uri), document.getText()]))

  const check = async (uri: string): Promise<void> => {
    const document = documents.get(uri)
    if (document === undefined) return
    // One compilation a document at a time; what was typed meanwhile is compiled next.
    if (running.has(uri)) {
      schedule(uri)
      return
    }
    const text = document.getText()
    if (!isSpec(text)) {
      analyses.delete(uri)
      await connection.sendDiagnostics({ uri, diagnostics: [] })
      return
    }
    running.add(uri)
    const since = performance.now()
    try {
      // Counts are there in a third of the time that types take; nothing is said of a text that nothing of could be counted.
      const analysis = await analyse(pathOf(uri), open(), (found) => {
        if (found.hints.length === 0) return
        early.set(uri, found)
        refresh(uri)
      })
      early.delete(uri)
      analyses.set(uri, analysis)
      if (analysis.models.length > 0) known.set(uri, analysis.models)
      const now = documents.get(uri)
      if (now === undefined || now.getText() !== text) return
      await connection.sendDiagnostics({
        uri,
        version: document.version,
        diagnostics: analysis.diagnostics.map((diagnostic) => shown(document, diagnostic)),
      })
      refresh(uri)
      void connection.sendNotification("hasam/compiled", {
        uri,
        version: document.version,
        milliseconds: Math.round(performance.now() - since),
      })
    } catch (problem) {
      connection.console.error((problem as Error).stack ?? String(problem))
    } finally {
      early.delete(uri)
      running.delete(uri)
    }
  }
  const schedule = (uri: string): void => {
    clearTimeout(waiting.get(uri))
    waiting.set(
      uri,
      setTimeout(() => void check(uri), pause),
    )
  }
  /** Has the editor ask for hints again, where they are of the text that it shows. */
  const refresh = (uri: string): void => {
    if (hintsNow(uri) !== undefined) void connection.languages.inlayHint.refresh().catch(() => undefined)
  }
  /** The analysis of the text as it is now: hints at places of another text would stand in wrong lines. */
  const current = (uri: string): Analysis | undefined => {
    const analysis = analyses.get(uri)
    return analysis?.text === documents.get(uri)?.getText() ? analysis : undefined
  }

  /** What is known of the text as it is now: of an analysis, or of one that is still going on. */
  const hintsNow = (uri: string): Analysis["hints"] | undefined => {
    const text = documents.get(uri)?.getText()
    return [early.get(uri), analyses.get(uri)].find((one) => one?.text === text)?.hints
  }

  connection.onInitialize(({ workspaceFolders }) => {
    const [folder] = workspaceFolders ?? []
    if (folder?.uri.startsWith("file:")) root = fileURLToPath(folder.uri)
    return {
      serverInfo: { name: "hasam", version },
      capabilities: {
        textDocumentSync: TextDocumentSyncKind.Incremental,
        inlayHintProvider: true,
        hoverProvider: true,
        codeActionProvider: { codeActionKinds: [CodeActionKind.QuickFix] },
        completionProvider: { triggerCharacters: ['"', "'", "."] },
      },
    }
  })

  connection.languages.inlayHint.on(({ textDocument: { uri }, range }) =>
    (hintsNow(uri) ?? [])
      .filter(({ line }) => line - 1 >= range.start.line && line - 1 <= range.end.line)
      .map(({ line, column, text }) => ({
        position: { line: line - 1, character: column - 1 },
        label: text,
        kind: InlayHintKind.Type,
        paddingLeft: true,
        paddingRight: true,
      })),
  )

  connection.onHover(({ textDocument: { uri }, position }) => {
    const line = documents.get(uri)?.getText().split("\n")[position.line]
    const word = line === undefined ? undefined : wordAt(line, position.character)
    const value = word === undefined ? undefined : hoverOf(word, known.get(uri) ?? [])
    return value === undefined ? null : { contents: { kind: MarkupKind.Markdown, value } }
  })

  const actionOf = (document: TextDocument, { title, diagnostic, edit }: Fix) => ({
    title,
    kind: CodeActionKind.QuickFix,
    diagnostics: [shown(document, diagnostic)],
    isPreferred: true,
    edit: {
      changes: {
        [document.uri]: [
          {
            range: { start: document.positionAt(edit.start), end: document.positionAt(edit.end) },
            newText: edit.text,
          },
        ],
      },
    },
  })
  connection.onCodeAction(({ textDocument: { uri }, range }) => {
    const document = documents.get(uri)
    if (document === undefined) return []
    return (current(uri)?.fixes ?? [])
      .filter(({ diagnostic: { line } }) => line - 1 >= range.start.line && line - 1 <= range.end.line)
      .map((fix) => actionOf(document, fix))
  })

  connection.onCompletion(({ textDocument: { uri }, position }) => {
    const document = documents.get(uri)
    if (document === undefined) return []
    const before = document.getText({ start: { line: Math.max(0, position.line - 20), character: 0 }, end: position })
    const wanted = wantedAt(before)
    if (wanted === undefined) return []
    const range = { start: { ...position, character: position.character - wanted.written.length }, end: position }
    return completionsOf(wanted, known.get(uri) ?? []).map(({ name, detail }) => ({
      label: name,
      detail,
      kind: CompletionItemKind.Value,
      // A name with dots is one name, whatever the editor takes for a word.
      filterText: name,
      textEdit: { range, newText: name },
    }))
  })

  documents.onDidChangeContent(({ document: { uri } }) => {
    schedule(uri)
    const path = pathOf(uri)
    for (const [other, { files }] of analyses) if (other !== uri && files.includes(path)) schedule(other)
  })
  documents.onDidClose(({ document: { uri } }) => {
    clearTimeout(waiting.get(uri))
    analyses.delete(uri)
    early.delete(uri)
    known.delete(uri)
    void connection.sendDiagnostics({ uri, diagnostics: [] })
  })
  documents.listen(connection)
  connection.listen()
  return new Promise((done) => connection.onShutdown(() => done()))
}
