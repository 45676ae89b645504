// Starts `hasam lsp` of the workspace; all knowledge is in the server.
const { existsSync } = require("node:fs")
const { join } = require("node:path")
const vscode = require("vscode")
const { LanguageClient } = require("vscode-languageclient/node")

/** bin/hasam.js: what the setting names, or the first folder's that has one. */
const serverOf = () => {
  const given = vscode.workspace.getConfiguration("hasam").get("server")
  if (given) return given
  const folders = (vscode.workspace.workspaceFolders ?? []).map(({ uri }) => uri.fsPath)
  return folders
    .flatMap((folder) => [join(folder, "node_modules/hasam/bin/hasam.js"), join(folder, "bin/hasam.js")])
    .find((path) => existsSync(path))
}

let client

const start = async () => {
  const module = serverOf()
  // A workspace without hasam: nothing to do, and nothing to say.
  if (module === undefined) return
  const run = { module, args: ["lsp"], transport: 0 }
  client = new LanguageClient(
    "hasam",
    "hasam",
    { run, debug: run },
    {
      documentSelector: [
        { language: "typescript", scheme: "file" },
        { language: "typescript", scheme: "untitled" },
      ],
    },
  )
  await client.start()
}

exports.activate = async (context) => {
  context.subscriptions.push(
    vscode.commands.registerCommand("hasam.restart", async () => {
      await client?.stop()
      await start()
    }),
  )
  await start()
}

exports.deactivate = () => client?.stop()
