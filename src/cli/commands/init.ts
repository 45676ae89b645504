/** hasam init NAME: a project to begin with, from templates/project. */
import { existsSync, readdirSync, readFileSync } from "node:fs"
import { basename, join, resolve } from "node:path"
import { version } from "../../compiler/compile.ts"
import { failed } from "../../compiler/diagnostic.ts"
import { packageRoot } from "../../compiler/frontend/package.ts"
import { writeAtomically } from "../../runtime/files.ts"
import { say } from "../output.ts"

const template = join(packageRoot, "templates/project")

/** npm leaves files called .gitignore out of packages. */
const target = (name: string): string => (name === "gitignore" ? ".gitignore" : name)

export const init = async (name: string): Promise<void> => {
  const folder = resolve(name)
  const called = basename(folder)
  if (!/^[a-z0-9][a-z0-9._-]*$/.test(called))
    throw failed(
      "hasam init",
      "HS5002",
      `'${called}' cannot be a package's name`,
      "Use small letters, digits, - and _, and begin with a letter or a digit.",
    )
  if (existsSync(folder) && readdirSync(folder).length > 0)
    throw failed("hasam init", "HS5002", `there are files in '${name}' already`, "Give a folder that is not there yet.")
  const files = readdirSync(template, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
  for (const file of files) {
    const path = join(file.parentPath, file.name)
    const to = join(folder, path.slice(template.length + 1), "..", target(file.name))
    await writeAtomically(to, readFileSync(path, "utf8").replaceAll("NAME", called).replaceAll("VERSION", version))
  }
  say(`${name} is there. Next:\n\n  cd ${name}\n  npm install\n  npm run check`)
}
