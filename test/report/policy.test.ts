/** What hasam writes for browsers lets nothing out: each page has a policy that forbids it, works under it, and nothing that is written names another origin. */
import { createHash } from "node:crypto"
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { extname, join } from "node:path"
import { expect, test } from "vitest"
import { packageRoot } from "../../src/compiler/frontend/package.ts"
import { ran } from "../cli/session.ts"
import { tinyOptions } from "../tinySam.ts"

const folder = mkdtempSync(join(tmpdir(), "hasam-"))
const hasam = (...args: string[]) => {
  const { status, out, talk } = ran({ args, cwd: folder, env: process.env })
  expect(status, talk).toBe(0)
  return out
}
mkdirSync(join(folder, "node_modules"))
symlinkSync(packageRoot, join(folder, "node_modules", "hasam"))
const hostile = `<img src=//evil.example/x onerror="alert(1)">'&`
writeFileSync(
  join(folder, "tiny.ts"),
  `import { adam, chain, dice, linear, model, sam, training } from "hasam"
export const tiny = sam(${JSON.stringify(tinyOptions)})
export const other = model(chain({ a: linear(3, 4), b: linear(4, 2) }), { name: ${JSON.stringify(hostile)}, takes: { x: { kind: "given", shape: [3] } } } as any)
export const t = training(tiny, { optimizer: adam({ rate: 1e-3 }), loss: dice(), epochs: 1, batch: 1 })
`,
)
hasam("compile", "tiny.ts", "--report", "text,json,md,html,tex,svg", "--out", "report")
hasam("compile", "tiny.ts#tiny", "--target", "webgpu", "--out", "web")
hasam("compile", "tiny.ts#tiny", "--target", "pytorch", "--out", "package")
mkdirSync(join(folder, "diff"))
writeFileSync(join(folder, "diff", "diff.html"), hasam("diff", "tiny.ts#tiny", "tiny.ts#other", "--format", "html"))
hasam("data", "phantoms", "phantoms", "--count", "20", "--size", "32")
hasam("train", "tiny.ts#t", "--data", "phantoms", "--out", "run")
hasam("eval", "run", "--figures")

const written: readonly string[] = readdirSync(folder, { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile() && !entry.parentPath.includes("node_modules"))
  .map(({ parentPath, name }) => join(parentPath, name).slice(folder.length + 1))
const read = (file: string) => readFileSync(join(folder, file), "utf8")
const pages = written.filter((file) => file.endsWith(".html"))

interface Tag {
  readonly name: string
  readonly attributes: Readonly<Record<string, string>>
  /** Of a script or a style. */
  readonly text: string
}
const attribute = /([^\s"'<>/=]+)(?:\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'=<>`]+)))?/g
const tagsOf = (html: string): readonly Tag[] =>
  [...html.replace(/<!--.*?-->/gs, "").matchAll(/<([a-z][\w-]*)((?:"[^"]*"|'[^']*'|[^'">])*)>/gi)].map((match) => {
    const name = match[1]!.toLowerCase()
    const rest = html.slice(html.indexOf(match[0]) + match[0].length)
    const attributes = [...match[2]!.matchAll(attribute)].map(
      ([, key, ...value]) => [key!.toLowerCase(), value.find((one) => one !== undefined) ?? ""] as const,
    )
    const text = name === "script" || name === "style" ? rest.slice(0, rest.indexOf(`</${name}`)) : ""
    return { name, attributes: Object.fromEntries(attributes), text }
  })
const policyOf = (tags: readonly Tag[]): Readonly<Record<string, readonly string[]>> => {
  const at = tags.findIndex(({ attributes }) => attributes["http-equiv"] === "Content-Security-Policy")
  expect(at).toBeGreaterThanOrEqual(0)
  // What comes before it is not under it.
  for (const { name } of tags.slice(0, at)) expect(["html", "head", "meta"]).toContain(name)
  const rules = tags[at]!.attributes["content"]!.split(";").map((rule) => rule.trim().split(/\s+/))
  return Object.fromEntries(rules.map(([directive, ...sources]) => [directive!, sources]))
}

test("hasam writes these pages", () => {
  expect(pages.toSorted()).toEqual([
    "diff/diff.html",
    "report/report.html",
    "web/tiny/index.html",
    "web/tiny/train.html",
  ])
})

test.each(pages)("%s: its policy lets nothing out", (file) => {
  const policy = policyOf(tagsOf(read(file)))
  expect(policy["default-src"]).toEqual(["'none'"])
  expect(policy["base-uri"]).toEqual(["'none'"])
  expect(policy["form-action"]).toEqual(["'none'"])
  for (const [directive, sources] of Object.entries(policy))
    for (const source of sources)
      expect(source, directive).toMatch(
        /^('none'|'self'|'unsafe-inline'|'wasm-unsafe-eval'|'sha256-[\w+/=]+'|blob:|data:)$/,
      )
  expect(policy["script-src"]).not.toContain("'unsafe-inline'")
  for (const directive of ["script-src", "connect-src", "worker-src"])
    expect(policy[directive] ?? []).not.toContain("data:")
  expect(policy["connect-src"] ?? policy["default-src"]).toSatisfy((sources: string[]) =>
    ["'self'", "'none'"].includes(sources.join(" ")),
  )
})

test.each(pages)("%s: works under its policy", (file) => {
  const tags = tagsOf(read(file))
  const policy = policyOf(tags)
  const inlineStyle = policy["style-src"]?.includes("'unsafe-inline'") === true
  for (const { name, attributes, text } of tags) {
    for (const [key, value] of Object.entries(attributes)) {
      expect(key, `${name} ${key}`).not.toMatch(/^on/)
      expect(value, `${name} ${key}`).not.toMatch(/^\s*javascript:/i)
      if (key === "style") expect(inlineStyle, `${name} style="${value}"`).toBe(true)
    }
    if (name === "style") expect(inlineStyle).toBe(true)
    if (name === "script" && attributes["src"] === undefined) {
      const hash = createHash("sha256").update(text).digest("base64")
      expect(policy["script-src"]).toContain(`'sha256-${hash}'`)
    }
    expect(["base", "iframe", "object", "embed", "img"]).not.toContain(name)
  }
})

test.each(pages)("%s: what it loads and links to lies beside it", (file) => {
  for (const { name, attributes } of tagsOf(read(file)))
    for (const key of ["src", "href", "srcset", "action", "poster", "data", "ping", "xlink:href"]) {
      const value = attributes[key]
      if (value !== undefined && name !== "input")
        expect(value, `${name} ${key}`).toMatch(/^(#|data:,$|\.\/|[\w-]+\.html$)/)
    }
})

test("a name is text in every page", () => {
  for (const file of pages) expect(read(file), file).not.toContain("<img")
  expect(read("report/report.html")).toContain("&lt;img")
})

/** Names of vocabularies, which nobody fetches. */
const vocabulary = /http:\/\/www\.w3\.org\/(2000\/svg|1999\/xlink|1999\/xhtml|1998\/Math\/MathML)/g
const texts = new Set([".html", ".css", ".svg", ".json", ".jsonl", ".md", ".csv", ".tex", ".txt", ".py", ".sh"])
test("no file that hasam writes names another origin", () => {
  const named = written
    .filter((file) => texts.has(extname(file)) && !file.startsWith("tiny.ts"))
    .flatMap((file) => {
      // The model's own name is its author's.
      const text = read(file).replaceAll("evil.example", "").replace(vocabulary, "")
      return [...text.matchAll(/(?:https?|wss?|ftp):\/\/[^\s"'<>)]+/g)].map(([url]) => `${file}: ${url}`)
    })
  expect(named).toEqual([])
  expect(written.map((file) => extname(file))).toEqual(
    expect.arrayContaining([".html", ".css", ".svg", ".json", ".jsonl", ".md", ".csv", ".tex", ".txt", ".py"]),
  )
})

/** Licences and messages in libraries hold addresses; what would be fetched, were it asked for, is an argument of one of these. */
test("the pages' scripts fetch from no other origin", () => {
  for (const file of written.filter((file) => extname(file) === ".js"))
    expect(
      [
        ...read(file).matchAll(
          /(?:\bfetch|\bimport|importScripts|WebSocket|EventSource|sendBeacon|\.open|new URL|new Request)\s*\(\s*["'`](?:https?:|wss?:)?\/\/[^"'`]*/g,
        ),
      ].map(([call]) => call),
      file,
    ).toEqual([])
})
