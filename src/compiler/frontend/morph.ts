/** What needs TypeScript's own syntax tree: rewriting a spec in place, and checking it where no native compiler is. */
import { Project, SyntaxKind, ts } from "ts-morph"

/** The type errors of a project, in tsc's form. */
export const typeCheckWithMorph = async (config: {
  readonly compilerOptions: object
  readonly files: readonly string[]
}): Promise<string> => {
  const { options } = ts.convertCompilerOptionsFromJson(config.compilerOptions, process.cwd())
  const project = new Project({ compilerOptions: options, skipAddingFilesFromTsConfig: true })
  project.addSourceFilesAtPaths([...config.files])
  return project
    .getPreEmitDiagnostics()
    .map((d) => {
      const at = d.getSourceFile()?.getLineAndColumnAtPos(d.getStart() ?? 0)
      const text = ts.flattenDiagnosticMessageText(d.compilerObject.messageText, " ")
      return `${d.getSourceFile()?.getFilePath() ?? "?"}(${at?.line ?? 1},${at?.column ?? 1}): error TS${d.getCode()}: ${text}`
    })
    .join("\n")
}

/** A number to write: where an expectation is called, and what it should say. */
export interface Correction {
  readonly file: string
  readonly line: number
  readonly column: number
  readonly count: number
}

const grouped = (count: number): string => String(count).replace(/\B(?=(\d{3})+$)/g, "_")

/** Sources with the right numbers in their expectations; each file's whole new text. */
export const corrected = (corrections: readonly Correction[]): ReadonlyMap<string, string> => {
  const project = new Project({ skipAddingFilesFromTsConfig: true })
  const texts = new Map<string, string>()
  for (const { file, line, column, count } of corrections) {
    const source = project.getSourceFile(file) ?? project.addSourceFileAtPath(file)
    const at = ts.getPositionOfLineAndCharacter(source.compilerNode, line - 1, column - 1)
    const call = source.getDescendantAtPos(at)?.getFirstAncestorByKind(SyntaxKind.CallExpression)
    call?.getArguments()[0]?.replaceWithText(grouped(count))
    texts.set(file, source.getFullText())
  }
  return texts
}
