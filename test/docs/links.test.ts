/** What the documents point at is there: files, and headings within them. */
import { existsSync, readdirSync, readFileSync } from "node:fs"
import { dirname, join, relative } from "node:path"
import { expect, test } from "vitest"
import { packageRoot } from "../../src/compiler/frontend/package.ts"

const inDocs = readdirSync(join(packageRoot, "docs"), { recursive: true, encoding: "utf8" })
  // docs/api is made from comments, whose links TypeDoc checks.
  .filter((name) => name.endsWith(".md") && !/^(\.|api[/\\])/.test(name))
  .map((name) => join(packageRoot, "docs", name))
const documents = [...inDocs, ...["README.md", "FEATURES.md", "CONTRIBUTING.md"].map((name) => join(packageRoot, name))]

const withoutCode = (text: string): string => text.replaceAll(/```[\s\S]*?```|`[^`\n]*`/g, "")
const linksOf = (text: string): readonly string[] =>
  [...withoutCode(text).matchAll(/\]\(([^)\s]+)\)/g)].map(([, to]) => to!).filter((to) => !/^[a-z]+:/.test(to))
/** As GitHub and VitePress make them. */
const anchorsOf = (text: string): readonly string[] =>
  [...text.replaceAll(/```[\s\S]*?```/g, "").matchAll(/^#+ +(.+)$/gm)].map(([, heading]) =>
    heading!
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\s_-]/gu, "")
      .trim()
      .replaceAll(/\s+/g, "-"),
  )

test("there are links to look at", () => {
  expect(documents.flatMap((file) => linksOf(readFileSync(file, "utf8"))).length).toBeGreaterThan(20)
})

test.each(documents.map((file) => [relative(packageRoot, file), file]))("%s points at what is there", (_, file) => {
  const broken = linksOf(readFileSync(file, "utf8")).filter((to) => {
    const [path, anchor] = to.split("#") as [string, string?]
    const target = path === "" ? file : join(dirname(file), path)
    if (!existsSync(target)) return true
    return anchor !== undefined && target.endsWith(".md") && !anchorsOf(readFileSync(target, "utf8")).includes(anchor)
  })
  expect(broken).toEqual([])
})

test("every page of the documentation is reached from the README", () => {
  const reached = new Set<string>()
  const visit = (file: string): void => {
    if (reached.has(file) || !file.endsWith(".md") || !existsSync(file)) return
    reached.add(file)
    for (const to of linksOf(readFileSync(file, "utf8"))) visit(join(dirname(file), to.split("#")[0]!))
  }
  visit(join(packageRoot, "README.md"))
  // Pages of errors are shown by hasam explain.
  const pages = inDocs.filter((file) => !relative(packageRoot, file).startsWith(join("docs", "errors")))
  expect(pages.filter((file) => !reached.has(file)).map((file) => relative(packageRoot, file))).toEqual([])
})
