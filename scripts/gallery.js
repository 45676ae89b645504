// The pictures of docs/gallery.md, each made by the command that stands beside it there.
//   node scripts/gallery.js          makes them anew
import { spawnSync } from "node:child_process"
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"

const root = join(dirname(fileURLToPath(import.meta.url)), "..")

/** Pictures in a text: ![…](pictures/NAME.svg) after a block with `hasam compile SPEC --report svg`. */
export const picturesIn = (text) =>
  [
    ...text.matchAll(
      /```sh\nhasam compile (\S+) --report svg --out \S+\n```\n+!\[[^\]]*\]\(pictures\/([\w-]+\.svg)\)/g,
    ),
  ].map(([, spec, name]) => ({ spec, name }))

/** A picture's command, and the file that it writes. */
export const commandOf = (spec) => {
  const out = mkdtempSync(join(tmpdir(), "hasam-gallery-"))
  return { args: ["compile", spec, "--report", "svg", "--out", out], made: join(out, "report.svg") }
}

/** Makes a picture as its command does; gives its path. */
const make = (spec) => {
  const { args, made } = commandOf(spec)
  const { status, stderr } = spawnSync(process.execPath, [join(root, "bin/hasam.js"), ...args], {
    cwd: root,
    encoding: "utf8",
  })
  if (status !== 0) throw new Error(stderr)
  return made
}

export const gallery = () => picturesIn(readFileSync(join(root, "docs/gallery.md"), "utf8"))

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  mkdirSync(join(root, "docs/pictures"), { recursive: true })
  for (const { spec, name } of gallery()) copyFileSync(make(spec), join(root, "docs/pictures", name))
}
