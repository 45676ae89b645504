// The API reference, from the declarations and doc comments of what a user imports: docs/api, which the site takes in and git ignores.
//   node scripts/api.js [folder]
import { register } from "node:module"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"

const root = join(dirname(fileURLToPath(import.meta.url)), "..")
register("./older-typescript.js", import.meta.url)

/** The folders in src that users import from: hasam, hasam/compiler, hasam/runtime, hasam/browser. */
const entries = ["dsl", "compiler", "runtime", "runtime/browser"]

/** Writes the pages; gives the warnings, such as a link in a comment that leads nowhere. */
export const writeApi = async (out = join(root, "docs/api")) => {
  const { Application, LogLevel } = await import("typedoc")
  const app = await Application.bootstrapWithPlugins({
    name: "API",
    entryPoints: entries.map((folder) => join(root, "src", folder, "index.ts")),
    tsconfig: join(root, "tsconfig.json"),
    plugin: ["typedoc-plugin-markdown"],
    excludeExternals: true,
    excludeInternal: true,
    excludePrivate: true,
    readme: "none",
    disableSources: true,
    outputFileStrategy: "modules",
    entryFileName: "index",
    hidePageHeader: true,
    hideBreadcrumbs: true,
    useCodeBlocks: true,
    parametersFormat: "table",
    interfacePropertiesFormat: "table",
    typeAliasPropertiesFormat: "table",
    logLevel: "Warn",
    skipErrorChecking: true,
  })
  const warnings = []
  app.logger.log = (message, level) => void (level >= LogLevel.Warn && warnings.push(message))
  const project = await app.convert()
  if (project === undefined) throw new Error(`the API reference cannot be read:\n${warnings.join("\n")}`)
  app.options.setValue("outputs", [{ name: "markdown", path: out }])
  await app.generateOutputs(project)
  return warnings
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const warnings = await writeApi(process.argv[2])
  for (const warning of warnings) process.stderr.write(`${warning}\n`)
}
