// The outputs that README.md shows, made anew: `node scripts/golden.js` after `npm run build`.
import { execFileSync } from "node:child_process"
import { readFileSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"

const root = join(dirname(fileURLToPath(import.meta.url)), "..")

const outputOf = (command) => {
  const [program, ...args] = command.split(" ")
  return execFileSync(process.execPath, [join(root, `bin/${program}.js`), ...args], {
    cwd: root,
    encoding: "utf8",
    env: { ...process.env, NO_COLOR: "1" },
  })
}

/** A page with every golden block filled with what its command prints now. */
export const regenerated = (text) =>
  text.replace(
    /(<!-- golden: (.+?) -->\n```\n)[\s\S]*?(```\n<!-- end -->)/g,
    (_, head, command, tail) => `${head}${outputOf(command)}${tail}`,
  )

export const goldenPages = ["README.md"]

if (process.argv[1] === fileURLToPath(import.meta.url))
  for (const page of goldenPages) writeFileSync(join(root, page), regenerated(readFileSync(join(root, page), "utf8")))
