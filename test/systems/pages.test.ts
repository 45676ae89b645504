/** A page for each system and method, with the counts of its spec. `UPDATE=1` writes them anew. */
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, test } from "vitest"
import { tensorTable } from "../../src/compiler/analysis/parameters.ts"
import { packageRoot } from "../../src/compiler/frontend/package.ts"
import { isModel, type ModelData } from "../../src/dsl/model.ts"

const at = (...path: readonly string[]) => join(packageRoot, ...path)
const specs = ["systems", "methods"].flatMap((kind) =>
  readdirSync(at("examples", kind), { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => ({ kind, name })),
)
const pages = [...specs, { kind: "methods", name: "ha-sam" }]

const counted = (data: ModelData) => {
  const parameters = tensorTable(data).filter(({ kind }) => kind === "parameter")
  const sum = (of: typeof parameters) => of.reduce((n, { size }) => n + size, 0).toLocaleString("en")
  return [sum(parameters), sum(parameters.filter(({ learns }) => learns))]
}
const tableOf = async (spec: string): Promise<string> => {
  const exported = Object.entries(await import(/* @vite-ignore */ at(spec, "index.ts")))
  const source = readFileSync(at(spec, "index.ts"), "utf8")
  const inSource = ([name]: readonly [string, unknown]) => source.indexOf(`const ${name} `)
  const models = exported.filter(([, of]) => isModel(of)).toSorted((a, b) => inSource(a) - inSource(b))
  const rows = models.map(([name, of]) => [`\`${name}\``, ...counted((of as { readonly data: ModelData }).data)])
  return [
    `| \`${spec}\` | parameters | learn |`,
    "| --- | ---: | ---: |",
    ...rows.map((row) => `| ${row.join(" | ")} |`),
  ].join("\n")
}

describe.each(pages)("docs/$kind/$name.md", ({ kind, name }) => {
  const file = at("docs", kind, `${name}.md`)
  test("has the counts of its spec", async () => {
    expect(existsSync(file)).toBe(true)
    const text = readFileSync(file, "utf8")
    const marked = /<!-- counts (\S+) -->\n([\s\S]*?)<!-- end -->/
    const [whole, spec] = marked.exec(text) ?? []
    expect(spec).toBe(name === "ha-sam" ? "examples/ha-sam" : `examples/${kind}/${name}`)
    const wanted = text.replace(whole!, () => `<!-- counts ${spec} -->\n${"TABLE"}\n<!-- end -->`)
    const now = wanted.replace("TABLE", await tableOf(spec!))
    if (process.env["UPDATE"] === "1") writeFileSync(file, now)
    expect(readFileSync(file, "utf8")).toBe(now)
  })
})
