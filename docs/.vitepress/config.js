/** The site of these pages: `npm run docs`. What a page links to outside of this folder is read in the repository. */
import { existsSync, readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"

const docs = fileURLToPath(new URL("..", import.meta.url))
const page = (text, name) => ({ text, link: `/${name}` })
/** What a page calls itself. */
const titleOf = (file) => /^# (.+)$/m.exec(readFileSync(join(docs, file), "utf8"))?.[1] ?? file
/** All pages of a folder, its README first; a page that is added is in the sidebar. */
const folder = (name, text) => {
  if (!existsSync(join(docs, name))) return []
  const pages = readdirSync(join(docs, name)).filter((file) => file.endsWith(".md"))
  const [first, others] = [pages.filter((file) => file === "README.md"), pages.filter((file) => file !== "README.md")]
  const items = [...first, ...others.sort()].map((file) =>
    page(titleOf(join(name, file)), `${name}/${file.replace(/\.md$/, "")}`),
  )
  return [{ text, items }]
}
/** Pages that no group names: none is forgotten. */
const others = (groups) => {
  const named = new Set(groups.flatMap(({ items }) => items.map(({ link }) => link)))
  const items = readdirSync(docs)
    .filter((file) => file.endsWith(".md") && file !== "index.md" && !named.has(`/${file.replace(/\.md$/, "")}`))
    .map((file) => page(titleOf(file), file.replace(/\.md$/, "")))
  return items.length === 0 ? [] : [{ text: "More", items }]
}
/** A head of a table that says nothing is no head. */
const emptyHeads = ({ tokens }) => {
  tokens.forEach((token, i) => {
    if (token.type !== "th_open" || tokens[i + 1]?.content !== "") return
    token.tag = "td"
    tokens[i + 2].tag = "td"
  })
}
/** What is searched has no colours: most of a build's time is spent on them. */
const unhighlighted = (source, env, md) => {
  const { highlight } = md.options
  md.options.highlight = null
  try {
    return md.render(source, env)
  } finally {
    md.options.highlight = highlight
  }
}
const errors = readdirSync(join(docs, "errors"))
  .map((name) => name.replace(/\.md$/, ""))
  .sort()

const groups = [
  {
    text: "Begin",
    items: [
      page("Install", "install"),
      page("Quickstart", "quickstart"),
      page("From zero to masks", "tutorial"),
      page("The editor", "editor"),
      page("Gallery", "gallery"),
    ],
  },
  {
    text: "Write",
    items: [
      page("The language", "language"),
      page("Coming from PyTorch, peft, nnU-Net", "coming-from-pytorch"),
      page("Commands", "commands"),
      page("From code", "runtime"),
    ],
  },
  {
    text: "Train",
    items: [
      page("Data", "data"),
      page("Training", "training"),
      page("Metrics", "metrics"),
      page("Studies", "study"),
      page("A small study", "small-study"),
    ],
  },
  {
    text: "Run elsewhere",
    items: [
      page("WebGPU and browsers", "webgpu"),
      page("Pages", "pages"),
      page("CUDA", "cuda"),
      page("PyTorch", "pytorch"),
    ],
  },
  {
    text: "Inside",
    items: [
      page("The compiler", "compiler"),
      page("Numerics", "numerics"),
      page("Performance", "performance"),
      page("Licences", "licences"),
    ],
  },
]
/** Made by scripts/api.js, before the site. */
const api = existsSync(join(docs, "api"))
  ? [
      {
        text: "API",
        items: [
          page("hasam", "api/hasam/"),
          page("hasam: forward", "api/hasam/namespaces/forward"),
          page("hasam/compiler", "api/compiler"),
          page("hasam/runtime", "api/runtime"),
          page("hasam/browser", "api/browser"),
        ],
      },
    ]
  : []

export default {
  title: "hasam",
  description: "Typed model definitions, compiled: counts proven, freeze masks exact, models that train.",
  cleanUrls: true,
  // test/docs/links.test.ts follows every link, those to the repository too.
  ignoreDeadLinks: true,
  markdown: {
    lineNumbers: false,
    theme: { light: "github-light-high-contrast", dark: "github-dark" },
    config: (md) => md.core.ruler.push("empty-heads", emptyHeads),
  },
  themeConfig: {
    search: { provider: "local", options: { _render: unhighlighted } },
    outline: "deep",
    nav: [
      page("Quickstart", "quickstart"),
      page("Language", "language"),
      page("Commands", "commands"),
      page("Gallery", "gallery"),
    ],
    // Nothing is folded: VitePress makes a button within a button of that, which no screen reader can say.
    sidebar: {
      "/errors/": [{ text: "Errors", items: errors.map((code) => page(code, `errors/${code}`)) }],
      "/": [
        ...groups,
        ...others(groups),
        ...folder("systems", "Systems"),
        ...folder("methods", "Methods"),
        ...api,
        { text: "Errors", items: [page("All codes", `errors/${errors[0]}`)] },
      ],
    },
  },
}
