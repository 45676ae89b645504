/** hasam serve DIR: a folder that `--target webgpu` wrote, on this machine alone. */
import { existsSync } from "node:fs"
import { readdir, readFile, stat } from "node:fs/promises"
import { createServer, type IncomingMessage, type ServerResponse } from "node:http"
import type { AddressInfo } from "node:net"
import { extname, join, normalize, resolve, sep } from "node:path"
import { failed } from "../../compiler/diagnostic.ts"
import { readBytes } from "../../runtime/files.ts"
import { say, talk } from "../output.ts"

const types: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".json": "application/json",
  ".png": "image/png",
  ".wasm": "application/wasm",
  ".safetensors": "application/octet-stream",
}

/** The folder with the page: this one, or the only one below it. Throws HS4002. */
const pageFolder = async (folder: string): Promise<string> => {
  if (existsSync(join(folder, "index.html"))) return folder
  const below = await readdir(folder).catch(() => undefined)
  if (below === undefined) await readBytes(join(folder, "index.html"))
  const pages = (below ?? []).filter((name) => existsSync(join(folder, name, "index.html")))
  if (pages.length === 1 && pages[0] !== undefined) return join(folder, pages[0])
  throw failed(
    folder,
    "HS4002",
    pages.length === 0 ? "there is no page here" : `there are several pages here: ${pages.join(", ")}`,
    pages.length === 0
      ? "Write one: hasam-compile SPEC --target webgpu --out DIR"
      : `Serve one: hasam serve ${join(folder, pages[0] ?? "")}`,
  )
}

const answer = async (
  root: string,
  { url = "/", method, headers }: IncomingMessage,
  response: ServerResponse,
): Promise<void> => {
  const none = (status: number) => void response.writeHead(status).end()
  let asked: string
  try {
    asked = decodeURIComponent(new URL(url, "http://localhost").pathname)
  } catch {
    return none(400)
  }
  const path = normalize(join(root, asked.endsWith("/") ? `${asked}index.html` : asked))
  if (asked.includes("\0") || !path.startsWith(root + sep)) return none(404)
  const about = await stat(path).catch(() => undefined)
  if (about === undefined || !about.isFile()) return none(404)
  // A browser that has the file asks whether it is still that one: weights are long.
  const etag = `"${about.size}-${about.mtimeMs}"`
  if (headers["if-none-match"] === etag) return void response.writeHead(304, { etag }).end()
  response.writeHead(200, {
    etag,
    "content-type": types[extname(path)] ?? "application/octet-stream",
    "content-length": about.size,
    "cache-control": "no-cache",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
  })
  response.end(method === "HEAD" ? undefined : await readFile(path))
}

/** Serves on 127.0.0.1 until it is interrupted. Throws HS4002 for a folder without a page, HS5002 for a port that is taken. */
export const serve = async (folder: string, { port }: { readonly port: number }): Promise<void> => {
  const root = resolve(await pageFolder(folder))
  const server = createServer((request, response) => {
    if (request.method !== "GET" && request.method !== "HEAD") return void response.writeHead(405).end()
    answer(root, request, response).catch(() => response.destroy())
  })
  await new Promise<void>((listening, no) => {
    server.once("error", (problem: NodeJS.ErrnoException) =>
      no(
        failed(
          "--port",
          "HS5002",
          problem.code === "EADDRINUSE"
            ? `port ${port} is taken`
            : `port ${port} cannot be listened on: ${problem.code}`,
          "Give another one; 0 takes any that is free.",
        ),
      ),
    )
    server.listen(Number(port), "127.0.0.1", listening)
  })
  say(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`)
  talk("only this machine can open it; Ctrl+C ends it")
}
