/** The site of these pages: `npm run docs`. What a page links to outside of this folder is read in the repository. */
import { readdirSync } from "node:fs"
import { fileURLToPath } from "node:url"

const page = (text, name) => ({ text, link: `/${name}` })
const errors = readdirSync(fileURLToPath(new URL("../errors", import.meta.url)))
  .map((name) => name.replace(/\.md$/, ""))
  .sort()

export default {
  title: "hasam",
  description: "Typed model definitions, compiled: counts proven, freeze masks exact, models that train.",
  cleanUrls: true,
  // test/docs/links.test.ts follows every link, those to the repository too.
  ignoreDeadLinks: true,
  markdown: { lineNumbers: false },
  themeConfig: {
    search: { provider: "local" },
    outline: "deep",
    nav: [
      page("Quickstart", "quickstart"),
      page("Language", "language"),
      page("Commands", "commands"),
      page("Gallery", "gallery"),
    ],
    sidebar: [
      {
        text: "Begin",
        items: [
          page("Install", "install"),
          page("Quickstart", "quickstart"),
          page("The editor", "editor"),
          page("Gallery", "gallery"),
        ],
      },
      {
        text: "Write",
        items: [
          page("The language", "language"),
          page("Coming from PyTorch", "coming-from-pytorch"),
          page("Commands", "commands"),
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
      { text: "Run elsewhere", items: [page("WebGPU and browsers", "webgpu"), page("PyTorch", "pytorch")] },
      {
        text: "Inside",
        items: [page("The compiler", "compiler"), page("Numerics", "numerics"), page("Performance", "performance")],
      },
      { text: "Errors", collapsed: true, items: errors.map((code) => page(code, `errors/${code}`)) },
    ],
  },
}
