import { readFileSync } from "node:fs"
import { join } from "node:path"
import { closest } from "fastest-levenshtein"
import { type Code, codes } from "../../compiler/codes/index.ts"
import { packageRoot } from "../../compiler/frontend/package.ts"
import { colors, exit, say, talk } from "../output.ts"

const page = (code: string): string | undefined => {
  try {
    return readFileSync(join(packageRoot, "docs/errors", `${code}.md`), "utf8").trim()
  } catch {
    return undefined
  }
}

/** hasam explain HS1003 */
export const explain = (given: string): void => {
  const code = given.toUpperCase()
  if (!Object.hasOwn(codes, code)) {
    talk(`error: there is no code '${given}'; the nearest is ${closest(code, Object.keys(codes))}`)
    process.exitCode = exit.usage
    return
  }
  const { title, cause, cure } = codes[code as Code]
  say(page(code) ?? `${colors.bold(`${code}: ${title}`)}\n\n${cause}\n\n${cure}`)
}
