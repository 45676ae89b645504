import type { Compiled } from "../compiler/compile.ts"
import { countsFile } from "../compiler/frontend/typecheck.ts"
import type { ModelReport } from "../compiler/report/report.ts"
import { writeAtomically } from "../runtime/files.ts"
import { talk } from "./output.ts"

const member = ({ name, trainable, total, frozen }: ModelReport): string =>
  `    readonly ${JSON.stringify(name)}: { readonly trainable: ${trainable}; readonly total: ${total}; readonly frozen: ${frozen}; readonly trainableBytesFloat32: ${4 * trainable} }`

/** --types: what each exported model counts, as types that merge into the language's interface `Counts`. */
export const writeCountTypes = async ({ specs, models }: Compiled): Promise<void> => {
  for (const { entry, models: own } of specs) {
    const names = new Set(own.map(({ name }) => name))
    const members = models.filter(({ name }) => names.has(name)).map(({ report }) => member(report))
    const text = `// Written by hasam-compile --types; not for git.\nimport "hasam"\n\ndeclare module "hasam" {\n  interface Counts {\n${members.join("\n")}\n  }\n}\n`
    await writeAtomically(countsFile(entry), text)
    talk(`wrote ${countsFile(entry)}`)
  }
}
